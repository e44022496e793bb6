import { generatedMethod } from "../../content/grpc/wire/generated-method.ts";
import { Diff } from "./diff_pb.ts";
import { Images } from "./images_pb.ts";
import { Leases } from "./leases_pb.ts";
import { Snapshots } from "./snapshots_pb.ts";

/** Methods of `containerd.services.snapshots.v1.Snapshots`. */
export const snapshotMethods = {
  prepare: generatedMethod(Snapshots.method.prepare),
  commit: generatedMethod(Snapshots.method.commit),
  remove: generatedMethod(Snapshots.method.remove),
  stat: generatedMethod(Snapshots.method.stat),
};

/** Methods of `containerd.services.diff.v1.Diff`. */
export const diffMethods = {
  apply: generatedMethod(Diff.method.apply),
};

/** Methods of `containerd.services.leases.v1.Leases`. */
export const leaseMethods = {
  create: generatedMethod(Leases.method.create),
  delete: generatedMethod(Leases.method.delete),
  addResource: generatedMethod(Leases.method.addResource),
};

/** Methods of `containerd.services.images.v1.Images`. */
export const imageMethods = {
  get: generatedMethod(Images.method.get),
  list: generatedMethod(Images.method.list),
  create: generatedMethod(Images.method.create),
  update: generatedMethod(Images.method.update),
  delete: generatedMethod(Images.method.delete),
};
