/** Whether an answer of this status may be another one later. 501 is final: nobody implements it meanwhile. */
export function isRetryableStatus(status: number): boolean {
  return status === 408 || status === 429 || (status >= 500 && status !== 501);
}
