import { describeStore } from "../store-suite.ts";
import { startService } from "./support/service.ts";

describeStore("proxyStore()", async () => {
  const service = await startService();
  return { store: service.proxy, dispose: () => service.dispose() };
});

describeStore("proxyStore() after a restart of the service", async () => {
  const service = await startService();
  await service.proxy.listStatuses();
  await service.restart();
  return { store: service.proxy, dispose: () => service.dispose() };
});
