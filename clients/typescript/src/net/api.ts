/** Requests to the server: typed by its document, limited in time and size, with its errors. */

import type { FetchResponse, MaybeOptionalInit } from "openapi-fetch";

import { ApiError, NetworkError, ProtocolError } from "../errors.js";
import type { paths } from "../generated/schema.js";
import { isObject } from "../model/fields.js";

type Method = "get" | "post" | "patch" | "delete";

type PathWith<M extends Method> = {
  [P in keyof paths]: paths[P] extends Record<M, object> ? P : never;
}[keyof paths];

type Init<P extends keyof paths, M extends Method> = MaybeOptionalInit<
  paths[P],
  M & keyof paths[P]
>;

type Data<Operation> = Extract<
  FetchResponse<Operation & {}, object, "application/json">,
  { error?: never }
>["data"];

type Ask<M extends Method> = <P extends PathWith<M>>(
  path: P,
  ...init: undefined extends Init<P, M> ? [init?: Init<P, M>] : [init: Init<P, M>]
) => Promise<Data<paths[P][M & keyof paths[P]]>>;

/** One function for each method: it returns the answer's data, or throws what was refused with. */
export interface Api {
  readonly GET: Ask<"get">;
  readonly POST: Ask<"post">;
  readonly PATCH: Ask<"patch">;
  readonly DELETE: Ask<"delete">;
}

export interface RequestOptions {
  readonly params?: {
    readonly path?: Record<string, string>;
    readonly query?: Record<string, string | number>;
  };
  readonly body?: unknown;
  readonly headers?: Record<string, string>;
}

/** Sends a request, whatever its type. */
export type Send = (method: string, path: string, options?: RequestOptions) => Promise<unknown>;

/** Gives requests their types. */
export function apiOf(send: Send): Api {
  const methods = ["GET", "POST", "PATCH", "DELETE"].map((method) => [
    method,
    (path: string, options?: RequestOptions) => send(method, path, options),
  ]);
  return Object.fromEntries(methods) as Api;
}

/** A page of a sync has texts of 2 MiB at most; an export has all of 64 MiB. */
const LARGEST_ANSWER = 160 * 1024 * 1024;

/** Makes what sends requests. Each has `timeout` milliseconds, its answer included. */
export function sender(baseUrl: string, fetcher: typeof globalThis.fetch, timeout: number): Send {
  return async (method, path, { params, body, headers } = {}) => {
    const filled = path.replace(/\{(\w+)\}/g, (_, name: string) =>
      encodeURIComponent(params?.path?.[name] ?? ""),
    );
    const query = params?.query
      ? `?${new URLSearchParams(params.query as Record<string, string>)}`
      : "";
    try {
      const response = await fetcher(baseUrl + filled + query, {
        method,
        headers: { ...headers, ...(body !== undefined && { "Content-Type": "application/json" }) },
        // Tokens are sent in a header; a cookie of another user of this browser must not take part.
        // Only the cookie of a link is set, which binds the provider's answer to this browser.
        credentials: path.endsWith("/link") ? "include" : "omit",
        signal: AbortSignal.timeout(timeout),
        // Nothing, if there is none.
        body: JSON.stringify(body),
      });
      const text = await textOf(response);
      const value = parsed(text);
      if (!response.ok) throw refusal(response, value);
      // A captive portal, a proxy's page.
      if (value === undefined && text !== "") throw new ProtocolError("Unexpected answer: no JSON");
      return value;
    } catch (error) {
      if (error instanceof ProtocolError || error instanceof ApiError) throw error;
      throw new NetworkError("No answer", { cause: error });
    }
  };
}

/** The value of a text in JSON; undefined if the text is not JSON. */
export function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

async function textOf(response: Response): Promise<string> {
  const decoder = new TextDecoder();
  const reader = response.body?.getReader();
  let [text, size] = ["", 0];
  for (let read = await reader?.read(); read && !read.done; read = await reader?.read()) {
    size += read.value.length;
    if (size > LARGEST_ANSWER) {
      await reader?.cancel();
      throw new ProtocolError("Unexpected answer: too long");
    }
    text += decoder.decode(read.value, { stream: true });
  }
  return text + decoder.decode();
}

function refusal(response: Response, body: unknown): ApiError {
  const { error_code: code, message, details } = isObject(body) ? body : {};
  const seconds = Number(response.headers.get("Retry-After") ?? -1);
  return new ApiError(
    response.status,
    typeof code === "string" ? code : "UNKNOWN",
    typeof message === "string" ? message : `Unexpected answer: ${response.status}`,
    isObject(details) ? details : {},
    seconds >= 0 ? seconds : null,
  );
}
