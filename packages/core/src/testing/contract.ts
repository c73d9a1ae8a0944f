/**
 * One thing that every implementer of a port keeps to. It throws when that is not so; give it to any test runner.
 *
 * @example
 * for (const { name, run } of sinkContract(setUp)) test(name, run);
 */
export interface ContractCase {
  /** A sentence of behaviour. */
  readonly name: string;
  run(): Promise<void>;
}
