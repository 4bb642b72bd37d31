namespace Cilium.Netlink.Messages;

/// <summary>Routing rules as messages.</summary>
internal static class RuleMessages
{
    private const int BodyBytes = 12;
    private const byte ToTable = 1;

    internal static void Write(MessageWriter writer, RoutingRule rule)
    {
        writer.Byte(Families.Number(rule.Family)).Byte((byte)(rule.Destination?.PrefixLength ?? 0)).Byte((byte)(rule.Source?.PrefixLength ?? 0)).Byte(0)
            .Byte((byte)(rule.Table < 256 ? rule.Table : 0)).Byte(0).Byte(0).Byte(ToTable).U32(0)
            .Attribute(Attr.RulePriority, (uint)rule.Priority)
            .Attribute(Attr.RuleTable, (uint)rule.Table);
        if (rule.Destination is { PrefixLength: > 0 } destination)
            writer.Attribute(Attr.RuleDestination, destination.BaseAddress);
        if (rule.Source is { PrefixLength: > 0 } source)
            writer.Attribute(Attr.RuleSource, source.BaseAddress);
        if (rule.Mark is { } mark)
            writer.Attribute(Attr.RuleMark, mark);
        if (rule.Mask is { } mask)
            writer.Attribute(Attr.RuleMask, mask);
        if (rule.Protocol != 0)
            writer.AttributeByte(Attr.RuleProtocol, rule.Protocol);
    }

    internal static RoutingRule? Parse(ReadOnlySpan<byte> payload)
    {
        if (payload.Length < BodyBytes)
            return null;
        var rule = new RoutingRule(Families.Family(payload[0]), 0, payload[4]);
        var attributes = new AttributeReader(payload[BodyBytes..]);
        while (attributes.Next())
        {
            rule = attributes.Type switch
            {
                Attr.RuleDestination => rule with { Destination = Families.Network(payload[0], attributes.Address, payload[1]) },
                Attr.RuleSource => rule with { Source = Families.Network(payload[0], attributes.Address, payload[2]) },
                Attr.RulePriority => rule with { Priority = (int)attributes.Number },
                Attr.RuleTable => rule with { Table = (int)attributes.Number },
                Attr.RuleMark => rule with { Mark = attributes.Number },
                Attr.RuleMask => rule with { Mask = attributes.Number },
                Attr.RuleProtocol => rule with { Protocol = (byte)attributes.Number },
                _ => rule,
            };
        }
        return rule;
    }
}
