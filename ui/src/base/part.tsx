// SPDX-License-Identifier: EUPL-1.2
// A page, or a part of one, that comes as a file of its own once it is shown for the first time.
import { signal, useSignal } from '@preact/signals';
import type { ComponentType } from 'preact';
import { useEffect } from 'preact/hooks';
import { t } from './i18n';
import { Problem, Slow } from './parts';

/** slow: key of what is said while it is read. What could not be read can be asked for again. */
export function part<P extends object>(read: () => Promise<{ default: ComponentType<P> }>, slow: string): ComponentType<P> {
  const here = signal<ComponentType<P> | null>(null);
  return (props: P) => {
    const failed = useSignal(false);
    const load = (): void => {
      failed.value = false;
      read().then(
        (m) => (here.value = m.default),
        () => (failed.value = true),
      );
    };
    useEffect(() => {
      if (!here.value) load();
    }, []);
    const Shown = here.value;
    if (Shown) return <Shown {...props} />;
    return failed.value ? <Problem text={t('error.unreachable')} onAgain={load} /> : <Slow text={t(slow)} />;
  };
}
