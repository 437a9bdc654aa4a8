/** Functions that get each decision after it is made: the access log, the observer of logouts. */
import type { Decision } from './decision.ts'
import type { RequestView } from './request.ts'

/**
 * Is called once for each decision, before the transport answers. `request` is `undefined` where the request
 * could not be read. `arrived` is the monotonic time of its arrival in ms.
 */
export type DecisionListener = (decision: Decision, request: RequestView | undefined, arrived: number) => void

/**
 * Calls the listeners in order. An exception of a listener reaches the caller, and no later listener is
 * called.
 */
export function notifyListeners(
  listeners: readonly DecisionListener[],
  decision: Decision,
  request: RequestView | undefined,
  arrived: number,
): void {
  for (let i = 0; i < listeners.length; i++) (listeners[i] as DecisionListener)(decision, request, arrived)
}
