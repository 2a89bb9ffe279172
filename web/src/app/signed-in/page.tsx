import { SignedInPage } from "@/components/account/signed-in";

export default SignedInPage;
