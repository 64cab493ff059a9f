/**
 * The people whom somebody in a browser talks with, and their server: `comity bench browser`, a program of its own.
 *
 * Always holds: it ends with this process, whose end of its standard input it hears.
 */
import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { once } from "node:events";
import { get } from "node:https";
import { createInterface } from "node:readline";
import { Secrets } from "../core/secrets";
import { PROGRAM } from "../core/world";

/** How much is said. */
export interface Amounts {
  readonly conversations: number;
  readonly messages: number;
  /** Of the messages, those of the longest conversation. */
  readonly longest: number;
  /** What is said once more, while the browser is away. */
  readonly missed: number;
  /** Bytes of a text, about. */
  readonly bytes: number;
}

/** What the program tells, as far as it is looked at here. */
interface Told {
  readonly url: string;
  readonly optimised: boolean;
  readonly asked: readonly { readonly name: string; readonly text: string }[];
  readonly friends: number;
  readonly said: number;
  readonly talked: number;
  readonly longest: number;
  readonly missed: number;
}

export class Friends {
  url = "";
  optimised = false;
  /** Nothing is looked for elsewhere here: a proxy would take its time. */
  readonly elsewhere = "";
  readonly complaints: string[] = [];
  readonly secrets = new Secrets();
  readonly #lines: AsyncIterableIterator<string>;

  private constructor(readonly program: ChildProcessWithoutNullStreams) {
    this.#lines = createInterface({ input: program.stdout })[Symbol.asyncIterator]();
    program.stderr.pipe(process.stderr);
  }

  static async start(amounts: Amounts): Promise<Friends> {
    const { conversations, messages, longest, missed, bytes } = amounts;
    const flags = { "--store-conversations": conversations, "--store-messages": messages, "--store-longest": longest, "--missed": missed, "--bytes": bytes };
    const friends = new Friends(spawn(PROGRAM, ["bench", "browser", ...Object.entries(flags).flatMap(([flag, count]) => [flag, String(count)])]));
    const { url, optimised } = await friends.hears("url");
    friends.url = url;
    friends.optimised = optimised;
    return friends;
  }

  tell(line: string): void {
    this.program.stdin.write(`${line}\n`);
  }

  /** The next line that has this in it; what else comes before is passed over. */
  async hears(what: keyof Told, meanwhile: (told: Partial<Told>) => void = () => undefined): Promise<Told> {
    for (;;) {
      const next = await this.#lines.next();
      if (next.done === true) throw new Error(`the program ended before it told: ${what}`);
      if (!next.value.startsWith("{")) continue;
      const told = JSON.parse(next.value) as Told;
      if (what in told) return told;
      meanwhile(told);
    }
  }

  /** The newest code for a number. */
  async code(number: string): Promise<string> {
    const sent = await fetched<readonly { readonly number: string; readonly code: string }[]>(`${this.url}/dev/codes`);
    const found = sent.find((one) => one.number === number);
    if (found === undefined) throw new Error(`no code came to ${number}`);
    return found.code;
  }

  async end(): Promise<void> {
    const { program } = this;
    if (program.exitCode !== null) return;
    const ended = once(program, "exit");
    // It may wait for somebody; asked to stop, it takes its server with it.
    program.kill();
    await ended;
  }
}

/** Under a certificate that nobody vouches for: it is of this machine, and made a moment ago. */
function fetched<T>(url: string): Promise<T> {
  return new Promise((done, failed) => {
    get(url, { rejectUnauthorized: false }, (answer) => {
      let text = "";
      answer.setEncoding("utf8").on("data", (part: string) => { text += part; }).on("end", () => { done(JSON.parse(text) as T); });
    }).on("error", failed);
  });
}
