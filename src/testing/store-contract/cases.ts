import { format } from "node:util";

/** Called with the row that a case is made of. */
type OfRow<Row> = [Row] extends [readonly unknown[]] ? (...values: Row) => unknown : (value: Row) => unknown;

/** A case by its title, within the blocks around it. */
export interface Found {
  readonly path: readonly string[];
  readonly body: () => unknown;
}

/** What is being gathered, and in which blocks. */
let gathered: Found[] = [];
let path: readonly string[] = [];

/** The cases that `define` describes; nothing of them runs. */
export function gather(define: () => void): readonly Found[] {
  gathered = [];
  path = [];
  define();
  return gathered;
}

/** A block of cases. */
export function describe(title: string, define: () => void): void {
  const around = path;
  path = [...around, title];
  define();
  path = around;
}

/** A case. */
export function it(title: string, body: () => unknown): void {
  gathered.push({ path: [...path, title], body });
}

describe.each = forEachRow(describe);
it.each = forEachRow(it);

/** Once for each row of a table, whose values stand in the title where printf has them. */
function forEachRow(declare: (title: string, body: () => void) => void) {
  return <const Row>(rows: readonly Row[]) =>
    (title: string, body: OfRow<Row>): void => {
      for (const row of rows) {
        const values: readonly unknown[] = Array.isArray(row) ? row : [row];
        const used = values.slice(0, title.match(/%[sdj]/g)?.length ?? 0);
        declare(format(title, ...used), () => Reflect.apply(body, undefined, values));
      }
    };
}
