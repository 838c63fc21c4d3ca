# Says when the account costs more a month than it should: whatever made it, and whether it has tags or not.
locals {
  thresholds = {
    "most of it is spent"    = { type = "ACTUAL", percent = 80 }
    "all of it is spent"     = { type = "ACTUAL", percent = 100 }
    "all of it will be gone" = { type = "FORECASTED", percent = 100 }
  }
}

resource "aws_budgets_budget" "this" {
  name         = var.name
  budget_type  = "COST"
  time_unit    = "MONTHLY"
  limit_amount = tostring(var.limit_usd)
  limit_unit   = "USD"

  # What is used, and not what a voucher pays of it.
  cost_types {
    include_credit = false
    include_refund = false
  }

  dynamic "notification" {
    for_each = local.thresholds

    content {
      notification_type          = notification.value.type
      comparison_operator        = "GREATER_THAN"
      threshold                  = notification.value.percent
      threshold_type             = "PERCENTAGE"
      subscriber_email_addresses = var.emails
      subscriber_sns_topic_arns  = var.topic_arn == null ? [] : [var.topic_arn]
    }
  }
}
