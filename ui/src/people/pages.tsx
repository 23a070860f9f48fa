// SPDX-License-Identifier: EUPL-1.2
// The pages about accounts, loaded when one of them is opened: one's own, and who else there is.
import { t } from '../base/i18n';
import { Problem, Slow } from '../base/parts';
import { useResource } from '../share/parts';
import type { Place } from '../state/place';
import { AccountPage } from './account';
import { PeoplePage } from './list';
import { LooksPage } from './looks';
import { PersonPage } from './person';
import { RetentionList } from './retention';
import type { Role } from './types';
import '../css/people.css';

function People({ id }: { id: string | null }) {
  const { data, wrong, again } = useResource<{ items: Role[] }>('/roles');
  if (!data.value) return wrong.value ? <Problem text={wrong.value} onAgain={again} /> : <Slow text={t('people.reading')} />;
  return id === null ? <PeoplePage roles={data.value.items} /> : <PersonPage key={id} id={id} roles={data.value.items} />;
}

export default function PeoplePages({ place }: { place: Place }) {
  if (place.page === 'account') return <AccountPage />;
  const [first, plural, which] = (place.id ?? '').split('/');
  if (first === 'looks' && plural && which) return <RetentionList plural={plural} which={which} />;
  return first === 'looks' ? <LooksPage /> : <People id={place.id} />;
}
