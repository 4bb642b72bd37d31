using System.Globalization;
using System.Text.Json;
using Cilium.Core;
using Cilium.Ipam;
using Cilium.Kubernetes.Wire;

namespace Cilium.Kubernetes.Decoding;

/// <summary>Decodes pools of addresses.</summary>
internal static class PoolDecoders
{
    public static PodIPPoolRow? PodIPPool(ReadOnlySpan<byte> json)
    {
        var pool = JsonSerializer.Deserialize(json, WireJson.Default.PodIPPoolWire);
        if (pool?.Metadata?.Name is not { } name)
        {
            return null;
        }

        var problems = new List<string>();
        return new PodIPPoolRow
        {
            Name = name,
            Definition = new PoolDefinition(name, Family(pool.Spec?.Ipv4, "ipv4", problems), Family(pool.Spec?.Ipv6, "ipv6", problems)),
            SkipsMasquerade = pool.Metadata.Annotations?.GetValueOrDefault("ipam.cilium.io/skip-masquerade") == "true",
            Problem = string.Join("; ", problems),
            PodSelector = Selector(pool.Spec?.PodSelector),
            NamespaceSelector = Selector(pool.Spec?.NamespaceSelector),
        };
    }

    public static LoadBalancerIPPoolRow? LoadBalancerIPPool(ReadOnlySpan<byte> json)
    {
        var pool = JsonSerializer.Deserialize(json, WireJson.Default.LoadBalancerIPPoolWire);
        if (pool?.Metadata is not { Name: { } name } metadata)
        {
            return null;
        }

        var allowsEnds = pool.Spec?.AllowFirstLastIPs != "No";
        return new LoadBalancerIPPoolRow
        {
            Name = name,
            Uid = metadata.Uid ?? "",
            Pool = new LoadBalancerPool
            {
                Name = name,
                CreatedAt = Time(metadata.CreationTimestamp),
                IsDisabled = pool.Spec?.Disabled ?? false,
                Selector = Selector(pool.Spec?.ServiceSelector),
                Blocks = (pool.Spec?.Blocks ?? []).Select(block => Block(block, allowsEnds)).OfType<AddressBlock>().ToEquatableArray(),
            },
            Conditions = Conditions(pool.Status?.Conditions),
        };
    }

    public static EquatableArray<StatusCondition> Conditions(List<ConditionWire>? conditions) => (conditions ?? [])
        .Select(condition => new StatusCondition(condition.Type ?? "", condition.Status ?? "", condition.Reason ?? "", condition.Message ?? "")).ToEquatableArray();

    public static DateTimeOffset Time(string? text) =>
        DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var time) ? time : DateTimeOffset.MinValue;

    private static PoolFamily? Family(PodIPPoolFamilyWire? family, string field, List<string> problems)
    {
        if (family is null)
        {
            return null;
        }

        problems.AddRange((family.Cidrs ?? []).Where(text => !Prefix.TryParse(text, out _)).Select(text => $"spec.{field}.cidrs: '{text}' is not a CIDR prefix"));
        return new PoolFamily(Fields.Prefixes(family.Cidrs), family.MaskSize ?? 0);
    }

    private static AddressBlock? Block(AddressBlockWire block, bool allowsEnds)
    {
        if (block.Cidr is { Length: > 0 } text)
        {
            return Prefix.TryParse(text, out var cidr) ? AddressBlock.OfCidr(cidr, allowsEnds) : null;
        }

        if (!IpAddr.TryParse(block.Start, out var start))
        {
            return null;
        }

        return block.Stop is not { Length: > 0 } ? new AddressBlock(start, start)
            : IpAddr.TryParse(block.Stop, out var stop) && stop >= start && stop.IsIPv4 == start.IsIPv4 ? new AddressBlock(start, stop) : null;
    }

    private static ObjectSelector? Selector(LabelSelectorWire? selector) => selector is null ? null : new ObjectSelector
    {
        Requirements = ObjectSelector.Of(selector.MatchLabels ?? []).Requirements
            .Concat((selector.MatchExpressions ?? []).Select(Requirement)).ToEquatableArray(),
    };

    private static ObjectRequirement Requirement(LabelRequirementWire requirement) => new(
        requirement.Key ?? "",
        requirement.Operator switch
        {
            "NotIn" => ObjectOperator.NotIn,
            "Exists" => ObjectOperator.Exists,
            "DoesNotExist" => ObjectOperator.DoesNotExist,
            _ => ObjectOperator.In,
        },
        (requirement.Values ?? []).ToEquatableArray());
}
