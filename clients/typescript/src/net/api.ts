/** Requests to the server: typed by its document, limited in time and size, with its errors. */

import type { Client } from "openapi-fetch";

import { ApiError, NetworkError, ProtocolError } from "../errors.js";
import type { paths } from "../generated/schema.js";

/** The methods of openapi-fetch that are used here. Its types check each request; its code is larger. */
export type Api = Pick<Client<paths>, "GET" | "POST" | "PATCH" | "DELETE">;

/** A page of a sync has texts of 2 MiB at most; an export has all of 64 MiB. */
const LARGEST_ANSWER = 160 * 1024 * 1024;

/** What a request returns. */
interface Reply<T> {
  data?: T;
  error?: unknown;
  response: Response;
}

interface Options {
  readonly params?: { readonly path?: Record<string, string>; readonly query?: Record<string, string> };
  readonly body?: unknown;
  readonly headers?: Record<string, string>;
}

/** Makes a client for requests. Each has `timeout` milliseconds, its answer included. */
export function createApi(baseUrl: string, fetcher: typeof globalThis.fetch, timeout: number): Api {
  const ask = async (method: string, path: string, { params, body, headers }: Options = {}): Promise<Reply<unknown>> => {
    const filled = path.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(params?.path?.[name] ?? ""));
    const query = params?.query ? `?${new URLSearchParams(params.query)}` : "";
    const json = body === undefined ? {} : { body: JSON.stringify(body) };
    const giveUp = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<never>((_, fail) => {
      timer = setTimeout(() => {
        giveUp.abort();
        fail(new NetworkError(`No answer came within ${timeout / 1000} s`));
      }, timeout);
    });
    try {
      const answered = fetcher(baseUrl + filled + query, {
        method,
        headers: { ...headers, ...(body !== undefined && { "Content-Type": "application/json" }) },
        // Tokens are sent in a header; a cookie of another user of this browser must not take part.
        credentials: "omit",
        signal: giveUp.signal,
        ...json,
      });
      const response = await Promise.race([late, answered]);
      const text = response.status === 204 ? "" : new TextDecoder().decode(await Promise.race([late, bodyOf(response)]));
      if (response.ok) return { data: text === "" ? undefined : JSON.parse(text), response };
      return { error: readable(text), response };
    } catch (error) {
      giveUp.abort();
      if (error instanceof NetworkError || error instanceof ProtocolError) throw error;
      // Not JSON: a captive portal, a proxy's page.
      if (error instanceof SyntaxError) throw new ProtocolError("The server's answer is not JSON", { cause: error });
      throw new NetworkError("The server can't be reached", { cause: error });
    } finally {
      clearTimeout(timer);
    }
  };
  const of = (method: string) => (path: string, options?: Options) => ask(method, path, options);
  return { GET: of("GET"), POST: of("POST"), PATCH: of("PATCH"), DELETE: of("DELETE") } as unknown as Api;
}

function readable(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

async function bodyOf(response: Response): Promise<Uint8Array<ArrayBuffer>> {
  const parts: Uint8Array[] = [];
  let size = 0;
  const reader = response.body?.getReader();
  for (let read = await reader?.read(); read && !read.done; read = await reader?.read()) {
    size += read.value.length;
    if (size > LARGEST_ANSWER) {
      await reader?.cancel();
      throw new ProtocolError("The server's answer does not end");
    }
    parts.push(read.value);
  }
  const body = new Uint8Array(size);
  let at = 0;
  for (const part of parts) {
    body.set(part, at);
    at += part.length;
  }
  return body;
}

/** The data of a reply; throws what the server refused with. */
export async function dataOf<T>(request: Promise<Reply<T>>): Promise<T> {
  const { data, error, response } = await request;
  if (!response.ok) throw refusal(response, error);
  return data as T;
}

function refusal(response: Response, body: unknown): ApiError {
  const problem = typeof body === "object" && body !== null ? (body as Record<string, unknown>) : {};
  const code = typeof problem["error_code"] === "string" ? problem["error_code"] : "UNKNOWN";
  const message = typeof problem["message"] === "string" ? problem["message"] : `The server answered with status ${response.status}`;
  const details = typeof problem["details"] === "object" && problem["details"] !== null ? problem["details"] : {};
  const seconds = Number(response.headers.get("Retry-After") ?? Number.NaN);
  const retryAfter = Number.isFinite(seconds) && seconds >= 0 ? seconds : null;
  return new ApiError(response.status, code, message, details as Record<string, unknown>, retryAfter);
}
