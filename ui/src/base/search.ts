// SPDX-License-Identifier: EUPL-1.2
// Text as people search it: case and accents do not count.
export const fold = (s: string): string =>
  s
    .normalize('NFD')
    .replace(/\p{M}/gu, '')
    .toLowerCase();
