/** Lets one side wait until the other has news. A ring that nobody waits for is kept for the next who does. */
export class Signal {
  #rung = false;
  #wake: (() => void) | undefined;

  ring(): void {
    const wake = this.#wake;
    this.#wake = undefined;
    if (wake === undefined) this.#rung = true;
    else wake();
  }

  /** Resolves at the next ring. */
  next(): Promise<void> {
    if (this.#rung) {
      this.#rung = false;
      return Promise.resolve();
    }
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }
}
