// SPDX-License-Identifier: EUPL-1.2
// The pages of the federation, loaded when one of them is opened: most days a watch needs only the queue.
import type { Place } from '../state/place';
import { BoardPage } from './board';
import { ComposerPage, VersionPage } from './composer';
import { MembersPage } from './members';
import { SharingPage } from './sharing';
import { StoriesPage, StoryPage } from './stories';
import { WarningPage, WarningsPage } from './warnings';
import '../css/share.css';

export default function SharePages({ place }: { place: Place }) {
  switch (place.page) {
    case 'warnings':
      return place.id === null ? <WarningsPage /> : <WarningPage key={place.id} id={place.id} />;
    case 'stories':
      if (place.id === 'new') return <ComposerPage />;
      if (place.id?.endsWith('/edit')) return <VersionPage key={place.id} id={place.id.slice(0, -'/edit'.length)} />;
      return place.id === null ? <StoriesPage /> : <StoryPage key={place.id} id={place.id} />;
    default:
      if (place.id === 'members') return <MembersPage />;
      return place.id === 'sharing' ? <SharingPage /> : <BoardPage />;
  }
}
