# The way in: its security group, and the controller that makes load balancers of Ingresses (k8s/components/alb). The group is
# made here and named there, so that the controller may change no security group at all.
locals {
  elb = "arn:aws:elasticloadbalancing:${data.aws_region.this.id}:${var.account_id}"
  # The controller begins every name with k8s-, and tags all that it makes.
  load_balancers = "${local.elb}:loadbalancer/app/k8s-*"
  target_groups  = "${local.elb}:targetgroup/k8s-*"
  balancing      = [local.load_balancers, local.target_groups, "${local.elb}:listener/app/k8s-*", "${local.elb}:listener-rule/app/k8s-*"]
  cluster_tag    = "elbv2.k8s.aws/cluster"

  # What the controller needs but for what is off: network load balancers, WAF, Shield, Cognito, security groups.
  load_balancer_policy = {
    Version = "2012-10-17"
    Statement = [
      {
        # AWS knows these for all resources alone.
        Sid    = "See"
        Effect = "Allow"
        Action = [
          "acm:DescribeCertificate", "acm:ListCertificates",
          "ec2:DescribeAvailabilityZones", "ec2:DescribeInstances", "ec2:DescribeInternetGateways",
          "ec2:DescribeNetworkInterfaces", "ec2:DescribeRouteTables", "ec2:DescribeSecurityGroups",
          "ec2:DescribeSubnets", "ec2:DescribeTags", "ec2:DescribeVpcs", "ec2:GetSecurityGroupsForVpc",
          "elasticloadbalancing:DescribeCapacityReservation", "elasticloadbalancing:DescribeListenerAttributes",
          "elasticloadbalancing:DescribeListenerCertificates", "elasticloadbalancing:DescribeListeners",
          "elasticloadbalancing:DescribeLoadBalancerAttributes", "elasticloadbalancing:DescribeLoadBalancers",
          "elasticloadbalancing:DescribeRules", "elasticloadbalancing:DescribeSSLPolicies",
          "elasticloadbalancing:DescribeTags", "elasticloadbalancing:DescribeTargetGroupAttributes",
          "elasticloadbalancing:DescribeTargetGroups", "elasticloadbalancing:DescribeTargetHealth",
          "elasticloadbalancing:DescribeTrustStores",
        ]
        Resource  = ["*"]
        Condition = { StringEquals = { "aws:RequestedRegion" = data.aws_region.this.id } }
      },
      {
        Sid       = "Create"
        Effect    = "Allow"
        Action    = ["elasticloadbalancing:CreateLoadBalancer", "elasticloadbalancing:CreateTargetGroup"]
        Resource  = [local.load_balancers, local.target_groups]
        Condition = { StringEquals = { "aws:RequestTag/${local.cluster_tag}" = var.name } }
      },
      {
        Sid      = "TagWhatIsCreated"
        Effect   = "Allow"
        Action   = ["elasticloadbalancing:AddTags"]
        Resource = local.balancing
        Condition = { StringEquals = {
          "aws:RequestTag/${local.cluster_tag}" = var.name
          "elasticloadbalancing:CreateAction"   = ["CreateListener", "CreateLoadBalancer", "CreateRule", "CreateTargetGroup"]
        } }
      },
      {
        Sid    = "ChangeItsOwn"
        Effect = "Allow"
        Action = [
          "elasticloadbalancing:AddListenerCertificates", "elasticloadbalancing:AddTags",
          "elasticloadbalancing:CreateListener", "elasticloadbalancing:CreateRule", "elasticloadbalancing:DeleteListener",
          "elasticloadbalancing:DeleteLoadBalancer", "elasticloadbalancing:DeleteRule",
          "elasticloadbalancing:DeleteTargetGroup", "elasticloadbalancing:DeregisterTargets",
          "elasticloadbalancing:ModifyListener", "elasticloadbalancing:ModifyListenerAttributes",
          "elasticloadbalancing:ModifyLoadBalancerAttributes", "elasticloadbalancing:ModifyRule",
          "elasticloadbalancing:ModifyTargetGroup", "elasticloadbalancing:ModifyTargetGroupAttributes",
          "elasticloadbalancing:RegisterTargets", "elasticloadbalancing:RemoveListenerCertificates",
          "elasticloadbalancing:RemoveTags", "elasticloadbalancing:SetIpAddressType",
          "elasticloadbalancing:SetRulePriorities", "elasticloadbalancing:SetSecurityGroups",
          "elasticloadbalancing:SetSubnets",
        ]
        Resource  = local.balancing
        Condition = { StringEquals = { "aws:ResourceTag/${local.cluster_tag}" = var.name } }
      },
    ]
  }
}

resource "aws_security_group" "load_balancer" {
  #checkov:skip=CKV2_AWS_5:For the load balancer that the controller makes

  name        = "${var.name}-load-balancer"
  description = "Load balancer of the cluster"
  vpc_id      = var.vpc_id

  tags = { Name = "${var.name}-load-balancer" }
}

resource "aws_vpc_security_group_ingress_rule" "load_balancer" {
  for_each = {
    for pair in setproduct(var.load_balancer_cidrs, [80, 443]) : "${pair[0]} ${pair[1]}" => { cidr = pair[0], port = pair[1] }
  }

  security_group_id = aws_security_group.load_balancer.id
  description       = each.value.port == 443 ? "HTTPS" : "HTTP, which is led to HTTPS"
  ip_protocol       = "tcp"
  from_port         = each.value.port
  to_port           = each.value.port
  cidr_ipv4         = each.value.cidr

  tags = { Name = each.value.port == 443 ? "HTTPS" : "HTTP, which is led to HTTPS" }
}

resource "aws_vpc_security_group_egress_rule" "load_balancer_to_nodes" {
  security_group_id            = aws_security_group.load_balancer.id
  description                  = "Pods of the service"
  ip_protocol                  = "tcp"
  from_port                    = 8080
  to_port                      = 8080
  referenced_security_group_id = var.nodes_security_group_id

  tags = { Name = "Pods of the service" }
}

resource "aws_vpc_security_group_ingress_rule" "nodes_from_load_balancer" {
  security_group_id            = var.nodes_security_group_id
  description                  = "Load balancer to pods of the service"
  ip_protocol                  = "tcp"
  from_port                    = 8080
  to_port                      = 8080
  referenced_security_group_id = aws_security_group.load_balancer.id

  tags = { Name = "Load balancer to pods of the service" }
}

module "load_balancer_controller" {
  source = "../pod-role"

  name                     = "${var.name}-load-balancer-controller"
  description              = "AWS Load Balancer Controller of ${var.name}."
  cluster_name             = aws_eks_cluster.this.name
  namespaces               = ["kube-system"]
  service_account          = "aws-load-balancer-controller"
  permissions_boundary_arn = var.permissions_boundary_arn

  policies = {
    load-balancers = jsonencode(local.load_balancer_policy)
  }
}
