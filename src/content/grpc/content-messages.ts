import { create } from "@bufbuild/protobuf";
import { type Timestamp, TimestampSchema } from "@bufbuild/protobuf/wkt";
import { parseDigest } from "../../digest/digest.ts";
import type { Info, Status } from "../store.ts";
import {
  type Info as InfoMessage,
  InfoSchema,
  type Status as StatusMessage,
  StatusSchema,
} from "./content_pb.ts";

/** Nanoseconds per second. */
const SECOND = 1_000_000_000n;

/** A time of ours, in nanoseconds since the epoch, as the wire has it. */
export function toTimestamp(ns: bigint): Timestamp {
  const nanos = ((ns % SECOND) + SECOND) % SECOND;
  return create(TimestampSchema, { seconds: (ns - nanos) / SECOND, nanos: Number(nanos) });
}

/** A time of the wire in nanoseconds since the epoch; an absent one is 0. */
export function fromTimestamp(time: Timestamp | undefined): bigint {
  return time ? time.seconds * SECOND + BigInt(time.nanos) : 0n;
}

/** What is known of a blob, for the wire. */
export function toInfoMessage({ digest, size, createdAtNs, updatedAtNs, labels }: Info): InfoMessage {
  return create(InfoSchema, {
    digest,
    size: BigInt(size),
    createdAt: toTimestamp(createdAtNs),
    updatedAt: toTimestamp(updatedAtNs),
    labels: { ...labels },
  });
}

/** What a service tells of a blob. Throws `ErrInvalidArgument` for a digest that is none of ours. */
export function fromInfoMessage({ digest, size, createdAt, updatedAt, labels }: InfoMessage): Info {
  return {
    digest: parseDigest(digest),
    size: Number(size),
    createdAtNs: fromTimestamp(createdAt),
    updatedAtNs: fromTimestamp(updatedAt),
    labels,
  };
}

/** What is known of an ingest, for the wire. */
export function toStatusMessage(status: Status): StatusMessage {
  const { ref, offset, total, expected = "", startedAtNs, updatedAtNs } = status;
  return create(StatusSchema, {
    ref,
    offset: BigInt(offset),
    total: BigInt(total),
    expected,
    startedAt: toTimestamp(startedAtNs),
    updatedAt: toTimestamp(updatedAtNs),
  });
}

/** What a service tells of an ingest. Throws `ErrInvalidArgument` for an expected digest that is none of ours. */
export function fromStatusMessage(message: StatusMessage): Status {
  const { ref, offset, total, expected, startedAt, updatedAt } = message;
  return {
    ref,
    offset: Number(offset),
    total: Number(total),
    ...(expected !== "" && { expected: parseDigest(expected) }),
    startedAtNs: fromTimestamp(startedAt),
    updatedAtNs: fromTimestamp(updatedAt),
  };
}
