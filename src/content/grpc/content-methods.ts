import { Content } from "./content_pb.ts";
import { generatedMethod } from "./wire/generated-method.ts";

/** The nine methods of `containerd.services.content.v1.Content`. */
export const contentMethods = {
  info: generatedMethod(Content.method.info),
  update: generatedMethod(Content.method.update),
  list: generatedMethod(Content.method.list),
  delete: generatedMethod(Content.method.delete),
  read: generatedMethod(Content.method.read),
  status: generatedMethod(Content.method.status),
  listStatuses: generatedMethod(Content.method.listStatuses),
  write: generatedMethod(Content.method.write),
  abort: generatedMethod(Content.method.abort),
};
