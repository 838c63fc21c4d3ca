import type autocannon from 'autocannon';

/**
 * What we use of autocannon's client beyond its documented events (the version is pinned, and tests hold this).
 * It has no arrival rate: its own limit sends a second's worth of requests in one burst, and waits for answers.
 */
interface Internals extends autocannon.Client {
  /** Called whenever the connection could send: when it opens, and after each answer. */
  _doRequest(): void;
  readonly pipelinedRequests: { clear(): void };
  readonly parser: { initialize(type: 'RESPONSE'): void };
}

/** autocannon's clock counts whole milliseconds. */
const TIMER_SLACK_MS = 5;

/** A request under way. Times by performance.now(). */
export interface Flight {
  readonly dueMs: number;
  readonly sentMs: number;
}

export interface ConnectionEvents {
  /** It could send. May come again without a request in between, when an idle connection was renewed. */
  idle(connection: Connection): void;
  sent(): void;
  answered(flight: Flight): void;
  /** The request got no answer. */
  lost(flight: Flight, reason: string): void;
}

/** One of autocannon's connections, which sends when it is told to. */
export class Connection {
  #flight: Flight | undefined;
  readonly #client: Internals;
  readonly #transmit: () => void;
  readonly #events: ConnectionEvents;
  readonly #timeoutMs: number;

  constructor(client: autocannon.Client, timeoutMs: number, events: ConnectionEvents) {
    this.#client = client as Internals;
    this.#events = events;
    this.#timeoutMs = timeoutMs;
    this.#transmit = this.#client._doRequest.bind(client);
    this.#client._doRequest = () => this.#becomeIdle();
    client.on('response', () => this.#land((flight) => events.answered(flight)));
    const onBroken = (error: NodeJS.ErrnoException): void =>
      this.#land((flight) => this.#lose(flight, error.code ?? error.message));
    (client as NodeJS.EventEmitter).on('connError', onBroken);
  }

  send(dueMs: number): void {
    this.#flight = { dueMs, sentMs: performance.now() };
    this.#events.sent();
    this.#transmit();
  }

  #becomeIdle(): void {
    this.#land((flight) => {
      const isTimeout = performance.now() - flight.sentMs >= this.#timeoutMs - TIMER_SLACK_MS;
      this.#lose(flight, isTimeout ? 'timeout' : 'connection closed');
    });
    this.#events.idle(this);
  }

  #land(how: (flight: Flight) => void): void {
    const flight = this.#flight;
    this.#flight = undefined;
    if (flight !== undefined) how(flight);
  }

  #lose(flight: Flight, reason: string): void {
    // autocannon would take the next answer for the lost one's, and read it on from where that broke off.
    this.#client.pipelinedRequests.clear();
    this.#client.parser.initialize('RESPONSE');
    this.#events.lost(flight, reason);
  }
}
