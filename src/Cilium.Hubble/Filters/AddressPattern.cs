using Cilium.Core;

namespace Cilium.Hubble.Filters;

/// <summary>An address or a prefix that addresses in flows are compared with.</summary>
internal static class AddressPattern
{
    public static Func<string, bool> Compile(string field, string value)
    {
        if (!Prefix.TryParseAddressOrPrefix(value, out var prefix))
        {
            throw new FlowFilterException(field, $"'{value}' is neither an IP address nor a CIDR prefix");
        }

        return text => IpAddr.TryParse(text, out var address) && prefix.Contains(address);
    }
}
