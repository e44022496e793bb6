/** One level of a logger, as pino has it. */
export type LogCall = (fields: object, message: string) => void;

/** `call`, whose failures fail nothing: an operation is worth more than the line about it. */
export function guardLogCall(call: LogCall): LogCall {
  return (fields, message) => {
    try {
      call(fields, message);
    } catch {
      // There is nobody left who could be told.
    }
  };
}
