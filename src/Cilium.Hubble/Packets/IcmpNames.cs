using System.Globalization;

namespace Cilium.Hubble.Packets;

/// <summary>Names of ICMP types and codes, written as <c>Type</c> or <c>Type(Code)</c>.</summary>
/// <remarks>Source: RFC 792, RFC 4443, RFC 4861, RFC 2710; the words are those that Hubble prints.</remarks>
public static class IcmpNames
{
    private static readonly Dictionary<byte, (string Name, string[] Codes)> IcmpV4 = new()
    {
        [0] = ("EchoReply", []),
        [3] = ("DestinationUnreachable",
        [
            "Net", "Host", "Protocol", "Port", "FragmentationNeeded", "SourceRoutingFailed", "NetUnknown", "HostUnknown", "SourceIsolated",
            "NetAdminProhibited", "HostAdminProhibited", "NetTOS", "HostTOS", "CommAdminProhibited", "HostPrecedence", "PrecedenceCutoff",
        ]),
        [4] = ("SourceQuench", []),
        [5] = ("Redirect", ["Net", "Host", "TOS+Net", "TOS+Host"]),
        [8] = ("EchoRequest", []),
        [9] = ("RouterAdvertisement", []),
        [10] = ("RouterSolicitation", []),
        [11] = ("TimeExceeded", ["TTLExceeded", "FragmentReassemblyTimeExceeded"]),
        [12] = ("ParameterProblem", ["PointerIndicatesError", "MissingOption", "BadLength"]),
        [13] = ("TimestampRequest", []),
        [14] = ("TimestampReply", []),
        [15] = ("InfoRequest", []),
        [16] = ("InfoReply", []),
        [17] = ("AddressMaskRequest", []),
        [18] = ("AddressMaskReply", []),
    };

    private static readonly Dictionary<byte, (string Name, string[] Codes)> IcmpV6 = new()
    {
        [1] = ("DestinationUnreachable",
        [
            "NoRouteToDst", "AdminProhibited", "BeyondScopeOfSrc", "AddressUnreachable", "PortUnreachable", "SrcAddressFailedPolicy",
            "RejectRouteToDst",
        ]),
        [2] = ("PacketTooBig", []),
        [3] = ("TimeExceeded", ["HopLimitExceeded", "FragmentReassemblyTimeExceeded"]),
        [4] = ("ParameterProblem", ["ErroneousHeader", "UnrecognizedNextHeader", "UnrecognizedIPv6Option"]),
        [128] = ("EchoRequest", []),
        [129] = ("EchoReply", []),
        [130] = ("MLDv1MulticastListenerQueryMessage", []),
        [131] = ("MLDv1MulticastListenerReportMessage", []),
        [132] = ("MLDv1MulticastListenerDoneMessage", []),
        [133] = ("RouterSolicitation", []),
        [134] = ("RouterAdvertisement", []),
        [135] = ("NeighborSolicitation", []),
        [136] = ("NeighborAdvertisement", []),
        [137] = ("Redirect", []),
        [143] = ("MLDv2MulticastListenerReportMessageV2", []),
    };

    /// <summary>The name of an ICMP type and code.</summary>
    public static string OfIcmpV4(byte type, byte code) => Name(IcmpV4, type, code);

    /// <summary>The name of an ICMPv6 type and code.</summary>
    public static string OfIcmpV6(byte type, byte code) => Name(IcmpV6, type, code);

    private static string Name(Dictionary<byte, (string Name, string[] Codes)> names, byte type, byte code)
    {
        if (!names.TryGetValue(type, out var known))
        {
            return string.Create(CultureInfo.InvariantCulture, $"{type}({code})");
        }

        if (known.Codes.Length == 0 && code == 0)
        {
            return known.Name;
        }

        return code < known.Codes.Length
            ? $"{known.Name}({known.Codes[code]})"
            : string.Create(CultureInfo.InvariantCulture, $"{known.Name}(Code: {code})");
    }
}
