/** Requests to the server: typed by its document, limited in time and size, with its errors. */

import createClient, { type Client } from "openapi-fetch";

import { ApiError, NetworkError, ProtocolError } from "../errors.js";
import type { paths } from "../generated/schema.js";

export type Api = Client<paths>;

/** A page of a sync has texts of 2 MiB at most; an export has all of 64 MiB. */
const LARGEST_ANSWER = 160 * 1024 * 1024;

/** What openapi-fetch returns of a request. */
interface Reply<T> {
  data?: T;
  error?: unknown;
  response: Response;
}

/** Makes a client for requests. Each has `timeout` milliseconds, its body included. */
export function createApi(baseUrl: string, fetcher: typeof globalThis.fetch, timeout: number): Api {
  const limited = async (request: Request): Promise<Response> => {
    const giveUp = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<never>((_, fail) => {
      timer = setTimeout(() => {
        giveUp.abort();
        fail(new NetworkError(`No answer came within ${timeout / 1000} s`));
      }, timeout);
    });
    try {
      const response = await Promise.race([late, fetcher(new Request(request, { signal: giveUp.signal }))]);
      const body = response.status === 204 ? null : await Promise.race([late, bodyOf(response)]);
      return new Response(body, { status: response.status, headers: response.headers });
    } catch (error) {
      giveUp.abort();
      if (error instanceof NetworkError || error instanceof ProtocolError) throw error;
      throw new NetworkError("The server can't be reached", { cause: error });
    } finally {
      clearTimeout(timer);
    }
  };
  return createClient<paths>({ baseUrl: baseUrl.replace(/\/+$/, ""), fetch: limited, credentials: "omit" });
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
  let reply: Reply<T>;
  try {
    reply = await request;
  } catch (error) {
    // Not JSON: a captive portal, a proxy's page.
    if (error instanceof SyntaxError) throw new ProtocolError("The server's answer is not JSON", { cause: error });
    throw error;
  }
  const { data, error, response } = reply;
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
