import Link from "next/link";
import { PageFrame } from "@/components/page-frame";
import { texts } from "@/texts";

export default function NotFound() {
  return (
    <PageFrame title={texts.missing.title}>
      <p>{texts.missing.text}</p>
      <p>
        <Link className="button" href="/">
          {texts.missing.back}
        </Link>
      </p>
    </PageFrame>
  );
}
