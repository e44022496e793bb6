import * as real from "../../../src/remotes/threads/transfer-threads.ts";
import { threadsAsTold } from "./told.ts";

export * from "../../../src/remotes/threads/transfer-threads.ts";

/** Stands for that of the sources in processes that tests start. */
export const TransferThreads = threadsAsTold(real);
