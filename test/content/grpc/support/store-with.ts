import type { Store } from "../../../../src/content/store.ts";
import { ErrNotImplemented } from "../../../../src/errors/classes.ts";

function fail(): never {
  throw new ErrNotImplemented("not a part of this test");
}

/** A store of which only the given methods do something; all others throw `ErrNotImplemented`. */
export function storeWith(methods: Partial<Store>): Store {
  return {
    info: fail,
    update: fail,
    walk: fail,
    delete: fail,
    readerAt: fail,
    writer: fail,
    status: fail,
    listStatuses: fail,
    abort: fail,
    ...methods,
  };
}
