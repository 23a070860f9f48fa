// SPDX-License-Identifier: EUPL-1.2
// Under the list of registers, for who may say so: which are on, and which files are meant as they lie there. A file of its own, since few may.
import { Changes } from './changes';
import { MoreKinds } from './more';

export default function Settings() {
  return (
    <>
      <MoreKinds />
      <Changes />
    </>
  );
}
