import { RegisterPage } from "@/components/account/register";

export default RegisterPage;
