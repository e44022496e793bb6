import { beforeEach, describe, expect, it } from "vitest";
import { type LeaseService, Leases } from "../../src/containerd/leases.ts";
import { ErrNotFound, ErrUnavailable } from "../../src/errors.ts";
import { FakeClock } from "../async/fake-clock.ts";

/** A lease service that remembers what it was asked for, as `<method> <id>`. */
class FakeService implements LeaseService {
  readonly calls: string[] = [];
  failure: Error | undefined;

  async unary(...[{ path }, { request }]: Parameters<LeaseService["unary"]>): Promise<never> {
    if (this.failure) throw this.failure;
    const { id } = request as { readonly id: string };
    this.calls.push(`${path.slice(path.lastIndexOf("/") + 1)} ${id}`);
    return {} as never;
  }

  async remove(...call: Parameters<LeaseService["remove"]>): Promise<void> {
    await this.unary(...call);
  }
}

let service: FakeService;
let clock: FakeClock;
let leases: Leases;
const blob = { type: "content", id: "sha256:a" };

beforeEach(() => {
  service = new FakeService();
  clock = new FakeClock();
  leases = new Leases(service, { clock });
});

describe("Leases", () => {
  it("has one lease for all work, and none for none", async () => {
    expect(leases.current).toBeUndefined();
    const [one, two] = await Promise.all([leases.hold(), leases.hold()]);
    const id = leases.current;
    expect(service.calls).toEqual([`Create ${id}`]);
    await one();
    await one();
    expect(leases.current).toBe(id);
    await two();
    expect(leases.current).toBeUndefined();
    expect(service.calls).toEqual([`Create ${id}`, `Delete ${id}`]);
  });

  it("begins another one after a minute, and keeps it as long as somebody holds an earlier one", async () => {
    const early = await leases.hold();
    const first = leases.current;
    await clock.sleep(60_000);
    const late = await leases.hold();
    const second = leases.current;
    expect(second).not.toBe(first);
    await late();
    expect(service.calls).toEqual([`Create ${first}`, `Create ${second}`]);
    await early();
    expect(service.calls.slice(2)).toEqual([`Delete ${first}`, `Delete ${second}`]);
  });

  it("gives up the earlier one while later work goes on", async () => {
    const early = await leases.hold();
    const first = leases.current;
    await clock.sleep(60_000);
    const late = await leases.hold();
    await early();
    expect(service.calls.at(-1)).toBe(`Delete ${first}`);
    expect(leases.current).toBeDefined();
    await late();
  });

  it("keeps a resource once in each lease, and none without a lease", async () => {
    await leases.keep(blob);
    expect(service.calls).toEqual([]);
    const letGo = await leases.hold();
    await leases.keep(blob);
    await leases.keep(blob);
    await leases.keep({ type: "snapshots/native", id: blob.id });
    expect(service.calls.filter((call) => call.startsWith("AddResource"))).toHaveLength(2);
    await letGo();
  });

  it("says that a lease is gone, and not that the resource is", async () => {
    await leases.hold();
    service.failure = new ErrNotFound("lease: not found");
    await expect(leases.keep(blob)).rejects.toMatchObject({ code: "ERR_FAILED_PRECONDITION" });
  });

  it("makes and deletes none where the caller has one", async () => {
    const ours = new Leases(service, { given: "ours" });
    const letGo = await ours.hold();
    expect(ours.current).toBe("ours");
    await ours.keep(blob);
    await letGo();
    expect(service.calls).toEqual(["AddResource ours"]);
  });

  it("fails with the service, holds nothing then, and rejects for none that is let go", async () => {
    service.failure = new ErrUnavailable("away");
    await expect(leases.hold()).rejects.toBe(service.failure);
    service.failure = undefined;
    const letGo = await leases.hold();
    service.failure = new ErrUnavailable("away");
    await letGo();
    expect(leases.current).toBeUndefined();
  });

  it("leaves nothing to one who gives up while the lease is made", async () => {
    const controller = new AbortController();
    const held = leases.hold({ signal: controller.signal });
    await Promise.resolve();
    controller.abort();
    await expect(held).rejects.toMatchObject({ code: "ERR_CANCELED" });
    await (await leases.hold())();
    expect(leases.current).toBeUndefined();
  });
});
