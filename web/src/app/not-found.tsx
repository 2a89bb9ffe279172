import { PageFrame } from "@/components/page-frame";
import { texts } from "@/texts";

export default function NotFound() {
  return (
    <PageFrame title={texts.missing.title}>
      <p>{texts.missing.text}</p>
    </PageFrame>
  );
}
