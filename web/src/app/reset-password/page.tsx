import { ResetPage } from "@/components/account/reset";

export default ResetPage;
