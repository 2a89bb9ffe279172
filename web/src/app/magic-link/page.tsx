import { MagicPage } from "@/components/account/magic";

export default MagicPage;
