// SPDX-License-Identifier: EUPL-1.2
// The only picture of the desk.
export function Lantern() {
  return (
    <svg viewBox="0 0 20 20" aria-hidden="true">
      <path
        d="M7.2 4.2a2.8 2.8 0 0 1 5.6 0M4.5 5.2h11l-1.4 12.3H5.9z"
        fill="none"
        stroke="currentColor"
        stroke-width="1.5"
        stroke-linejoin="round"
      />
      <path class="flame" d="M10 7.6c1.6 1.8 2.5 3 2.5 4.3a2.5 2.5 0 0 1-5 0c0-1.3.9-2.5 2.5-4.3z" />
    </svg>
  );
}
