import { LogInPage } from "@/components/account/log-in";

export default LogInPage;
