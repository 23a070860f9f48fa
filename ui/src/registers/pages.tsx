// SPDX-License-Identifier: EUPL-1.2
// The pages of the registers, loaded when one of them is opened. One set of components makes them for every kind.
import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { t } from '../base/i18n';
import { Problem, Slow } from '../base/parts';
import { problem } from '../base/problem';
import type { Place } from '../state/place';
import { BoardPage } from './board';
import { ChainPage } from './chain';
import { EditPage, FormPage } from './form';
import { GapsPage } from './gaps';
import { HomePage } from './home';
import { kindOf, kinds, readKinds } from './kinds';
import { ListPage } from './list';
import { RecordView } from './record';
import { TablesPage } from './tables';
import '../css/registers.css';

export default function RegisterPages({ place }: { place: Place }) {
  const wrong = useSignal<string | null>(null);
  const read = (): void => {
    readKinds().then(
      () => (wrong.value = null),
      (err: unknown) => (wrong.value = problem(err)),
    );
  };
  useEffect(() => {
    if (!kinds.value) read();
  }, []);
  if (!kinds.value) return wrong.value ? <Problem text={wrong.value} onAgain={read} /> : <Slow text={t('reg.reading')} />;
  if (place.id === null) return <HomePage />;
  const [plural = '', id, sub] = place.id.split('/');
  const kind = kindOf(plural);
  if (!kind) {
    return (
      <div class="page">
        <section class="empty">
          <h1 tabIndex={-1}>{t('reg.no_kind')}</h1>
          <p>{t('reg.no_kind_text')}</p>
          <a class="btn" href="/registers">
            {t('reg.to_all')}
          </a>
        </section>
      </div>
    );
  }
  const key = `${plural}/${id ?? ''}/${sub ?? ''}`;
  if (id === undefined) return <ListPage key={key} kind={kind} />;
  if (id === 'board') return <BoardPage key={key} kind={kind} />;
  if (id === 'tables') return <TablesPage key={key} kind={kind} />;
  if (id === 'gaps' && kind.name === 'appointment') return <GapsPage key={key} kind={kind} />;
  if (id === 'new') return <FormPage key={key} kind={kind} record={null} />;
  if (sub === 'chain') return <ChainPage key={key} kind={kind} id={id} />;
  return sub === 'edit' ? <EditPage key={key} kind={kind} id={id} /> : <RecordView key={key} kind={kind} id={id} />;
}
