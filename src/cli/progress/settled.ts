/** What pulls, pushes and imports say last about a layer; everything else may still change. */
const SETTLED =
  /^(?:Pull complete|Download complete|Already exists|Load complete|Pushed|Layer already exists|Mounted from .*)$/;

/** Whether nothing more will happen to a layer that is in this state. */
export function isSettled(action: string): boolean {
  return SETTLED.test(action);
}
