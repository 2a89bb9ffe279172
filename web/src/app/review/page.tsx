import { ReviewPage } from "@/components/review-page";

export default ReviewPage;
