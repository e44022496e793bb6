import { create } from "@bufbuild/protobuf";
import { type Empty, EmptySchema } from "@bufbuild/protobuf/wkt";
import type { UntypedServiceImplementation } from "@grpc/grpc-js";
import { type Digest, parseDigest } from "../../digest/digest.ts";
import { ErrInvalidArgument } from "../../errors/classes.ts";
import { findError } from "../../errors/predicates.ts";
import { withMessage } from "../../errors/with-message.ts";
import type { Info } from "../store.ts";
import type { CallContext, CallRunner, Send } from "./call-runner.ts";
import { plainly } from "./call-status.ts";
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
  type WriteContentRequest,
  type WriteContentResponse,
} from "./content_pb.ts";
import { toInfoMessage, toStatusMessage } from "./content-messages.ts";
import { serveRead } from "./read-range.ts";
import type { RefQueue } from "./ref-queue.ts";
import { serveWrite } from "./write-session.ts";

/** Entries in one message of a listing. */
const LIST_BLOCK = 100;

/** The handlers of `containerd.services.content.v1.Content`, by the names of `contentMethods`. */
export function contentService(runner: CallRunner, queue: RefQueue): UntypedServiceImplementation {
  return {
    info: runner.unary(info),
    update: runner.unary(update),
    list: runner.serverStream(list),
    delete: runner.unary(remove),
    read: runner.serverStream(serveRead),
    status: runner.unary(status),
    listStatuses: runner.unary(listStatuses),
    write: runner.bidiStream<WriteContentRequest, WriteContentResponse>((requests, send, context) =>
      serveWrite({ requests, send }, context, queue),
    ),
    abort: runner.unary(abort),
  };
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

async function remove({ digest }: DeleteContentRequest, { store, signal }: CallContext): Promise<Empty> {
  await store.delete(parsedDigest(digest), { signal });
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
