// SPDX-License-Identifier: EUPL-1.2
// What the navigation knows of the registers: read once one of them is opened (registers/kinds.ts).
import { signal } from '@preact/signals';

export const shownKinds = signal<readonly { plural: string; title: string }[]>([]);
