import { VerifyPage } from "@/components/account/verify";

export default VerifyPage;
