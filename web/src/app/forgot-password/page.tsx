import { ForgotPage } from "@/components/account/forgot";

export default ForgotPage;
