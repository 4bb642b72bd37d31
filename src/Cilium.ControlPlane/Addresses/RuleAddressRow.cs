using Cilium.Core;

namespace Cilium.ControlPlane.Addresses;

/// <summary>A prefix that a rule names, with its node-local identity.</summary>
public sealed record RuleAddressRow(Prefix Prefix, Identity Identity);
