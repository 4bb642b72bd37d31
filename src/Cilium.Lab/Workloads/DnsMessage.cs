using System.Buffers.Binary;
using System.Net.Sockets;
using System.Text;

namespace Cilium.Lab.Workloads;

/// <summary>Answers DNS queries from a zone (RFC 1035).</summary>
internal static class DnsMessage
{
    private const ushort TypeA = 1;
    private const ushort TypeAaaa = 28;
    private const int TimeToLiveSeconds = 5;
    private const int HeaderBytes = 12;

    /// <summary>The answer to a query, or null for what is no query.</summary>
    public static byte[]? Answer(ReadOnlySpan<byte> query, DnsZone zone)
    {
        if (query.Length < HeaderBytes || (query[2] & 0x80) != 0 || BinaryPrimitives.ReadUInt16BigEndian(query[4..]) != 1) return null;
        if (!TryReadName(query, HeaderBytes, out var name, out var end) || end + 4 > query.Length) return null;
        var type = BinaryPrimitives.ReadUInt16BigEndian(query[end..]);
        var question = query[HeaderBytes..(end + 4)];
        var family = type == TypeAaaa ? AddressFamily.InterNetworkV6 : AddressFamily.InterNetwork;
        var known = zone.Find(name, family);
        var addresses = type is TypeA or TypeAaaa ? known ?? [] : [];
        var response = new List<byte>(64 + (addresses.Count * 28));
        response.AddRange(query[..2]);
        response.Add((byte)(0x84 | (query[2] & 0x01)));
        response.Add((byte)(known is null ? 0x83 : 0x80));
        AddNumber(response, 1);
        AddNumber(response, (ushort)addresses.Count);
        AddNumber(response, (ushort)(addresses.Count == 0 ? 1 : 0));
        AddNumber(response, 0);
        response.AddRange(question);
        foreach (var address in addresses)
        {
            AddRecordHead(response, type);
            var bytes = address.GetAddressBytes();
            AddNumber(response, (ushort)bytes.Length);
            response.AddRange(bytes);
        }

        if (addresses.Count == 0) AddAuthority(response);
        return [.. response];
    }

    private static void AddRecordHead(List<byte> response, ushort type)
    {
        AddNumber(response, 0xc000 | HeaderBytes);
        AddNumber(response, type);
        AddNumber(response, 1);
        AddNumber(response, 0);
        AddNumber(response, TimeToLiveSeconds);
    }

    /// <summary>The zone's SOA record, so that a resolver may remember that there is nothing.</summary>
    private static void AddAuthority(List<byte> response)
    {
        AddName(response, DnsZone.Suffix);
        AddNumber(response, 6);
        AddNumber(response, 1);
        AddNumber(response, 0);
        AddNumber(response, TimeToLiveSeconds);
        var data = new List<byte>();
        AddName(data, "ns.dns." + DnsZone.Suffix);
        AddName(data, "hostmaster." + DnsZone.Suffix);
        foreach (var number in (ReadOnlySpan<int>)[1, 7200, 1800, 86400, TimeToLiveSeconds])
        {
            AddNumber(data, (ushort)(number >> 16));
            AddNumber(data, (ushort)number);
        }

        AddNumber(response, (ushort)data.Count);
        response.AddRange(data);
    }

    private static bool TryReadName(ReadOnlySpan<byte> message, int position, out string name, out int end)
    {
        var text = new StringBuilder();
        name = "";
        end = position;
        while (position < message.Length)
        {
            int length = message[position++];
            if (length == 0)
            {
                name = text.ToString();
                end = position;
                return true;
            }

            if (length > 63 || position + length > message.Length || text.Length > 255) return false;
            if (text.Length > 0) text.Append('.');
            text.Append(Encoding.ASCII.GetString(message.Slice(position, length)));
            position += length;
        }

        return false;
    }

    private static void AddName(List<byte> target, string name)
    {
        foreach (var label in name.Split('.'))
        {
            target.Add((byte)label.Length);
            target.AddRange(Encoding.ASCII.GetBytes(label));
        }

        target.Add(0);
    }

    private static void AddNumber(List<byte> target, ushort value)
    {
        target.Add((byte)(value >> 8));
        target.Add((byte)value);
    }
}
