import { create } from "@bufbuild/protobuf";
import { type Empty, EmptySchema } from "@bufbuild/protobuf/wkt";
import { type Digest, parseDigest } from "../../digest/digest.ts";
import { ErrInvalidArgument } from "../../errors/classes.ts";
import { findError } from "../../errors/predicates.ts";
import { withMessage } from "../../errors/with-message.ts";
import type { Info } from "../store.ts";
import type { CallContext, CallRunner, Send } from "./call-runner.ts";
import {
  type AbortRequest,
  type DeleteContentRequest,
  type InfoRequest,
  type InfoResponse,
  InfoResponseSchema,
  type ListContentRequest,
  type ListContentResponse,
  ListContentResponseSchema,
  type ListStatusesRequest,
  type ListStatusesResponse,
  ListStatusesResponseSchema,
  type StatusRequest,
  type StatusResponse,
  StatusResponseSchema,
  type UpdateRequest,
  type UpdateResponse,
  UpdateResponseSchema,
} from "./content_pb.ts";
import { toInfoMessage, toStatusMessage } from "./content-messages.ts";
import { contentMethods } from "./content-methods.ts";
import { introspectServer, nothingDeprecated } from "./introspection.ts";
import { serveRead } from "./read-range.ts";
import type { ReaderCache } from "./reader-cache.ts";
import type { RefQueue } from "./ref-queue.ts";
import type { CallHandler } from "./server/call-line.ts";
import { plainly } from "./wire/plainly.ts";
import { serveWrite } from "./write-session.ts";

/** Entries in one message of a listing. */
const LIST_BLOCK = 100;

/** What the handlers share. */
export interface ContentServiceParts {
  readonly runner: CallRunner;
  readonly queue: RefQueue;
  readonly readers: ReaderCache;
}

/** The handlers of `containerd.services.content.v1.Content`, and of the one call that `ctr` makes besides, by path. */
export function contentService({ runner, queue, readers }: ContentServiceParts): Map<string, CallHandler> {
  const methods = contentMethods;
  return new Map([
    [methods.info.path, runner.unary(methods.info, info)],
    [methods.update.path, runner.unary(methods.update, update)],
    [methods.list.path, runner.serverStream(methods.list, list)],
    [
      methods.delete.path,
      runner.unary(methods.delete, (request, context) => remove(request, context, readers)),
    ],
    [
      methods.read.path,
      runner.frameStream(methods.read, (request, sink, context) =>
        serveRead({ request, sink, readers }, context),
      ),
    ],
    [methods.status.path, runner.unary(methods.status, status)],
    [methods.listStatuses.path, runner.unary(methods.listStatuses, listStatuses)],
    [
      methods.write.path,
      runner.bidiStream(methods.write, (requests, send, context) =>
        serveWrite({ requests, send }, context, queue),
      ),
    ],
    [methods.abort.path, runner.unary(methods.abort, abort)],
    [introspectServer.path, runner.plain(introspectServer, nothingDeprecated)],
  ]);
}

async function info({ digest }: InfoRequest, { store, signal }: CallContext): Promise<InfoResponse> {
  const found = await store.info(validDigest(digest), { signal });
  return create(InfoResponseSchema, { info: toInfoMessage(found) });
}

async function update(request: UpdateRequest, { store }: CallContext): Promise<UpdateResponse> {
  if (!request.info) throw new ErrInvalidArgument("update content: got no info");
  const { digest, labels } = request.info;
  const paths = request.updateMask?.paths ?? [];
  const updated = await store.update({ digest: validDigest(digest), labels }, paths);
  return create(UpdateResponseSchema, { info: toInfoMessage(updated) });
}

async function list(
  { filters }: ListContentRequest,
  send: Send<ListContentResponse>,
  { store, signal }: CallContext,
): Promise<void> {
  let block: Info[] = [];
  const flush = async (): Promise<void> => {
    await send(create(ListContentResponseSchema, { info: block.map(toInfoMessage) }));
    block = [];
  };
  for await (const entry of store.walk({ filters, signal })) {
    if (block.push(entry) === LIST_BLOCK) await flush();
  }
  if (block.length > 0) await flush();
}

async function remove(
  request: DeleteContentRequest,
  { store, signal }: CallContext,
  readers: ReaderCache,
): Promise<Empty> {
  const digest = parsedDigest(request.digest);
  await store.delete(digest, { signal });
  await readers.forget(digest);
  return create(EmptySchema);
}

async function status({ ref }: StatusRequest, { store, signal }: CallContext): Promise<StatusResponse> {
  try {
    return create(StatusResponseSchema, { status: toStatusMessage(await store.status(ref, { signal })) });
  } catch (error) {
    const ours = findError(error);
    throw ours
      ? withMessage(ours, `could not get status for ref ${JSON.stringify(ref)}: ${ours.message}`)
      : error;
  }
}

async function listStatuses(
  { filters }: ListStatusesRequest,
  { store, signal }: CallContext,
): Promise<ListStatusesResponse> {
  const statuses = await store.listStatuses({ filters, signal });
  return create(ListStatusesResponseSchema, { statuses: statuses.map(toStatusMessage) });
}

async function abort({ ref }: AbortRequest, { store, signal }: CallContext): Promise<Empty> {
  await store.abort(ref, { signal });
  return create(EmptySchema);
}

/** Throws `ErrInvalidArgument` in the words that containerd has for `Info` and `Update`. */
function validDigest(text: string): Digest {
  try {
    return parseDigest(text);
  } catch (cause) {
    throw plainly(new ErrInvalidArgument(`${JSON.stringify(text)} failed validation`, { cause }));
  }
}

/** Throws `ErrInvalidArgument` in the words that containerd has for `Delete`. */
function parsedDigest(text: string): Digest {
  try {
    return parseDigest(text);
  } catch (error) {
    throw error instanceof ErrInvalidArgument ? plainly(error) : error;
  }
}
