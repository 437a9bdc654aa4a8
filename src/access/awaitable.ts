/** access/after — how to go on after a value or a promise of one, without waiting where there is nothing to wait for. */

export type Awaitable<T> = T | Promise<T>

/** Runs `next` with the value, at once where it is there; `failed` receives whatever `value` or `next` threw. */
export function andThen<T, R>(
  value: Awaitable<T>,
  next: (value: T) => Awaitable<R>,
  onError?: (error: unknown) => R,
): Awaitable<R> {
  if (value instanceof Promise) {
    const chained = value.then(next)
    return onError === undefined ? chained : chained.catch(onError)
  }
  if (onError === undefined) return next(value)
  try {
    const result = next(value)
    return result instanceof Promise ? result.catch(onError) : result
  } catch (error) {
    return onError(error)
  }
}
