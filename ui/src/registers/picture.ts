// SPDX-License-Identifier: EUPL-1.2
// Where each record of a chain stands in its picture: columns by distance, what stands on it to the left, on what it stands to the
// right. Pure; a chain that is too large for a picture is cut where it is farthest, and the lists beside it have all.
export interface Node {
  id: string;
  kind: string;
  plural: string;
  title: string;
  masked: boolean;
  state: string;
  depth: number;
}
export interface Edge {
  /** Who names, and whom: `from` stands on `to`. */
  from: string;
  field: string;
  to: string;
}
export interface Chain {
  from: Node;
  items: Node[];
  edges: Edge[];
  more: boolean;
}

export interface Box {
  node: Node;
  column: number;
  x: number;
  y: number;
}
export interface Picture {
  boxes: Box[];
  wires: { from: Box; to: Box }[];
  width: number;
  height: number;
  /** How many records did not fit. */
  left: number;
}

export const BOX = { width: 200, height: 48, across: 48, down: 16 };
const COLUMNS_EACH_WAY = 4;
const ROWS_MAX = 12;

export function drawn(up: Chain, down: Chain): Picture {
  const columns = new Map<number, Node[]>([[0, [up.from]]]);
  const at = new Map<string, number>([[up.from.id, 0]]);
  let left = 0;
  for (const [items, way] of [[up.items, -1], [down.items, 1]] as const) {
    for (const n of items) {
      if (at.has(n.id)) continue; // on both sides, where records stand on one another in a circle
      const c = way * n.depth;
      const column = columns.get(c) ?? [];
      if (n.depth > COLUMNS_EACH_WAY || column.length === ROWS_MAX) {
        left += 1;
        continue;
      }
      columns.set(c, [...column, n]);
      at.set(n.id, c);
    }
  }
  const edges = [...new Map([...up.edges, ...down.edges].map((e) => [`${e.from} ${e.to}`, e])).values()].filter((e) => at.has(e.from) && at.has(e.to));
  const order = [...columns.keys()].sort((a, b) => a - b);
  // Away from the middle, each column in the order of what it is joined to: fewer wires cross.
  const row = new Map<string, number>([[up.from.id, 0]]);
  for (const c of [...order].sort((a, b) => Math.abs(a) - Math.abs(b))) {
    const nodes = columns.get(c) as Node[];
    const weight = (n: Node): number => {
      const near = edges.flatMap((e) => (e.from === n.id ? [e.to] : e.to === n.id ? [e.from] : [])).filter((id) => Math.abs(at.get(id) as number) < Math.abs(c));
      return near.length ? near.reduce((sum, id) => sum + (row.get(id) ?? 0), 0) / near.length : 0;
    };
    nodes.sort((a, b) => weight(a) - weight(b) || (a.title < b.title ? -1 : 1));
    nodes.forEach((n, i) => row.set(n.id, i - (nodes.length - 1) / 2));
  }
  const tallest = Math.max(...[...columns.values()].map((n) => n.length));
  const height = tallest * (BOX.height + BOX.down) - BOX.down;
  const boxes = order.flatMap((c, i) =>
    (columns.get(c) as Node[]).map((node) => ({
      node,
      column: c,
      x: i * (BOX.width + BOX.across),
      y: height / 2 - BOX.height / 2 + (row.get(node.id) as number) * (BOX.height + BOX.down),
    })),
  );
  const boxOf = new Map(boxes.map((b) => [b.node.id, b]));
  const wires = edges.map((e) => ({ from: boxOf.get(e.from) as Box, to: boxOf.get(e.to) as Box })).filter((w) => w.from.x < w.to.x);
  return { boxes, wires, width: order.length * (BOX.width + BOX.across) - BOX.across, height, left };
}

/** A wire from the right side of one box to the left side of another. */
export function wire(from: Box, to: Box): string {
  const [x1, y1, x2, y2] = [from.x + BOX.width, from.y + BOX.height / 2, to.x, to.y + BOX.height / 2];
  const bend = Math.max(24, (x2 - x1) / 2);
  return `M${x1} ${y1}C${x1 + bend} ${y1} ${x2 - bend} ${y2} ${x2} ${y2}`;
}

/** As much of a title as a box has room for. */
export const short = (s: string, most = 25): string => ([...s].length <= most ? s : `${[...s].slice(0, most - 1).join('')}…`);
