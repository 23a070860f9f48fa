// SPDX-License-Identifier: EUPL-1.2
// Every key of the desk in one table: the sheet behind `?` prints it, the palette shows it, the tests
// walk it. Single letters act only outside of fields and dialogs and can be switched off (WCAG 2.1.4).
import { singleKeys } from './prefs';

export interface KeyDef {
  /** What the event says: one or two keys pressed after each other. */
  keys: string[];
  /** As printed. */
  print: string[];
  text: string;
  group: 'move' | 'act' | 'register' | 'page' | 'everywhere';
  /** Where it works: on the alerts page only, or on every page. */
  alertsOnly: boolean;
}

export const KEYS = {
  down: { keys: ['j'], print: ['j'], text: 'key.down', group: 'move', alertsOnly: true },
  up: { keys: ['k'], print: ['k'], text: 'key.up', group: 'move', alertsOnly: true },
  open: { keys: ['Enter'], print: ['Enter'], text: 'key.open', group: 'move', alertsOnly: true },
  expand: { keys: ['ArrowRight'], print: ['→'], text: 'key.expand', group: 'move', alertsOnly: true },
  fold: { keys: ['ArrowLeft'], print: ['←'], text: 'key.fold', group: 'move', alertsOnly: true },
  fresh: { keys: ['n'], print: ['n'], text: 'key.fresh', group: 'move', alertsOnly: true },
  back: { keys: ['Escape'], print: ['Esc'], text: 'key.back', group: 'move', alertsOnly: false },
  pick: { keys: ['x'], print: ['x'], text: 'key.pick', group: 'act', alertsOnly: true },
  range: { keys: ['X'], print: ['Shift', 'x'], text: 'key.range', group: 'act', alertsOnly: true },
  acknowledge: { keys: ['a'], print: ['a'], text: 'key.acknowledge', group: 'act', alertsOnly: true },
  close: { keys: ['f'], print: ['f'], text: 'key.close', group: 'act', alertsOnly: true },
  reopen: { keys: ['r'], print: ['r'], text: 'key.reopen', group: 'act', alertsOnly: true },
  undo: { keys: ['z'], print: ['z'], text: 'key.undo', group: 'act', alertsOnly: false },
  make: { keys: ['n'], print: ['n'], text: 'key.make', group: 'register', alertsOnly: false },
  edit: { keys: ['e'], print: ['e'], text: 'key.edit', group: 'register', alertsOnly: false },
  move: { keys: ['m'], print: ['m'], text: 'key.move', group: 'register', alertsOnly: false },
  unmask: { keys: ['u'], print: ['u'], text: 'key.unmask', group: 'register', alertsOnly: false },
  views: { keys: ['b'], print: ['b'], text: 'key.views', group: 'register', alertsOnly: false },
  filter: { keys: ['/'], print: ['/'], text: 'key.filter', group: 'everywhere', alertsOnly: false },
  help: { keys: ['?'], print: ['?'], text: 'key.help', group: 'everywhere', alertsOnly: false },
  palette: { keys: ['Ctrl+k'], print: ['Ctrl', 'K'], text: 'key.palette', group: 'everywhere', alertsOnly: false },
  today: { keys: ['g', 't'], print: ['g', 't'], text: 'key.today', group: 'page', alertsOnly: false },
  alerts: { keys: ['g', 'a'], print: ['g', 'a'], text: 'key.alerts', group: 'page', alertsOnly: false },
  sources: { keys: ['g', 's'], print: ['g', 's'], text: 'key.sources', group: 'page', alertsOnly: false },
  rules: { keys: ['g', 'r'], print: ['g', 'r'], text: 'key.rules', group: 'page', alertsOnly: false },
  warnings: { keys: ['g', 'w'], print: ['g', 'w'], text: 'key.warnings', group: 'page', alertsOnly: false },
  stories: { keys: ['g', 'o'], print: ['g', 'o'], text: 'key.stories', group: 'page', alertsOnly: false },
  registers: { keys: ['g', 'e'], print: ['g', 'e'], text: 'key.registers', group: 'page', alertsOnly: false },
  account: { keys: ['g', 'm'], print: ['g', 'm'], text: 'key.account', group: 'page', alertsOnly: false },
  me: { keys: ['g', 'd'], print: ['g', 'd'], text: 'key.me', group: 'page', alertsOnly: false },
  people: { keys: ['g', 'p'], print: ['g', 'p'], text: 'key.people', group: 'page', alertsOnly: false },
  federation: { keys: ['g', 'f'], print: ['g', 'f'], text: 'key.federation', group: 'page', alertsOnly: false },
} as const satisfies Record<string, KeyDef>;

export type KeyName = keyof typeof KEYS;
export type Handlers = Partial<Record<KeyName, (e: KeyboardEvent) => boolean | void>>;

const inField = (el: EventTarget | null): boolean =>
  el instanceof HTMLElement &&
  (el.isContentEditable ||
    el.tagName === 'TEXTAREA' ||
    el.tagName === 'SELECT' ||
    (el.tagName === 'INPUT' && (el as HTMLInputElement).type !== 'checkbox'));

/** Keys that a focused control needs for itself. */
const controlWants = (e: KeyboardEvent): boolean => {
  const el = e.target;
  if (!(el instanceof HTMLElement)) return false;
  if (e.key === 'Enter') return el.closest('a[href], button, summary, input') !== null;
  if (e.key.startsWith('Arrow')) return el.closest('[role=radiogroup], [tabindex="0"]') !== null;
  return false;
};

const stacks: Handlers[] = [];
/** The page and the frame each bring handlers; the one added last is asked first. */
export function addKeys(h: Handlers): () => void {
  stacks.push(h);
  return () => {
    const i = stacks.indexOf(h);
    if (i >= 0) stacks.splice(i, 1);
  };
}

function ask(name: KeyName, e: KeyboardEvent): boolean {
  for (let i = stacks.length - 1; i >= 0; i -= 1) {
    const f = (stacks[i] as Handlers)[name];
    // A handler that answers false passes the key on.
    if (f && f(e) !== false) {
      e.preventDefault();
      return true;
    }
  }
  return false;
}

const names = Object.keys(KEYS) as KeyName[];
let prefix: string | null = null;
let prefixTimer = 0;

function onKey(e: KeyboardEvent): void {
  if (e.defaultPrevented || e.isComposing) return;
  if ((e.ctrlKey || e.metaKey) && !e.altKey && !e.shiftKey && e.key.toLowerCase() === 'k') {
    ask('palette', e);
    return;
  }
  if (e.ctrlKey || e.metaKey || e.altKey) return;
  if (document.querySelector('dialog[open]')) return;
  if (e.key === 'Escape') {
    ask('back', e);
    return;
  }
  if (inField(e.target) || controlWants(e)) return;
  if (e.key.length === 1 && !singleKeys.value) return;
  if (prefix !== null) {
    const two = names.find((n) => KEYS[n].keys.length === 2 && KEYS[n].keys[0] === prefix && KEYS[n].keys[1] === e.key);
    prefix = null;
    clearTimeout(prefixTimer);
    if (two) {
      ask(two, e);
      return;
    }
  }
  if (names.some((n) => KEYS[n].keys.length === 2 && KEYS[n].keys[0] === e.key)) {
    prefix = e.key;
    clearTimeout(prefixTimer);
    prefixTimer = window.setTimeout(() => {
      prefix = null;
    }, 1500);
    return;
  }
  // A letter may mean one thing in the queue and another in a register: whichever page is there takes it.
  names.some((n) => KEYS[n].keys.length === 1 && KEYS[n].keys[0] === e.key && ask(n, e));
}

export function startKeys(): void {
  addEventListener('keydown', onKey);
}
