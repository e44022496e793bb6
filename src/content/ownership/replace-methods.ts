/** `target` with some of its methods replaced, and all that its kind has beyond the interface. */
export function replaceMethods<T extends object>(target: T, methods: object): T {
  return new Proxy(target, {
    get(object, key): unknown {
      const own: unknown = Reflect.get(methods, key);
      if (own !== undefined && Object.hasOwn(methods, key)) return own;
      const value: unknown = Reflect.get(object, key, object);
      if (typeof value !== "function") return value;
      return (...given: unknown[]): unknown => Reflect.apply(value, object, given); // V8 ends no `using` by a bound function
    },
  });
}
