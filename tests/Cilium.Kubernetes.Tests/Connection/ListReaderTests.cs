using System.Text;
using System.Text.Json;
using FsCheck.Xunit;

namespace Cilium.Kubernetes.Tests.Connection;

public sealed class ListReaderTests
{
    [Property]
    public bool However_a_list_is_cut_its_items_are_the_same(string[] names, bool isMetadataLast, byte[] cuts)
    {
        ArgumentNullException.ThrowIfNull(names);
        var items = names.Select((name, i) => $$"""{"metadata":{"name":{{JsonSerializer.Serialize(name)}},"n":[{{i}},{"x":null}]},"text":"}],{"}""").ToList();
        const string metadata = "\"metadata\": {\"resourceVersion\":\"7\",\"continue\":\"c\",\"remainingItemCount\":null}";
        var list = $"[ {string.Join(" , ", items)} ]";
        var text = isMetadataLast
            ? $$$"""{"kind":"List","items":{{{list}}},"other":{"items":[1]},{{{metadata}}} }"""
            : $$$""" { {{{metadata}}},"apiVersion":"v1","items":{{{list}}} }  """;

        var read = new List<string>();
        var meta = Read(Encoding.UTF8.GetBytes(text), cuts, read);
        return meta is { ResourceVersion: "7", Continue: "c" } && read.SequenceEqual(items);
    }

    [Property(MaxTest = 300)]
    public bool What_is_no_list_is_refused_and_nothing_else_happens(byte[] bytes, byte[] cuts)
    {
        try
        {
            Read(bytes, cuts, []);
            return false;
        }
        catch (JsonException)
        {
            return true;
        }
    }

    [Fact]
    public void Every_beginning_of_a_list_is_refused()
    {
        var whole = """{"metadata":{"resourceVersion":"1"},"items":[{"a":1},{"b":[2]}]}"""u8.ToArray();
        for (var length = 0; length < whole.Length; length++)
        {
            Assert.ThrowsAny<JsonException>(() => Read(whole[..length], [3], []));
        }

        Assert.Equal("1", Read(whole, [3], []).ResourceVersion);
    }

    [Theory]
    [InlineData("""{"items":[]}""")]
    [InlineData("""{"metadata":{"resourceVersion":""},"items":[]}""")]
    [InlineData("""{"metadata":{"resourceVersion":"1"}}""")]
    [InlineData("""{"metadata":{"resourceVersion":"1"},"items":{}}""")]
    [InlineData("""[{"metadata":{"resourceVersion":"1"},"items":[]}]""")]
    [InlineData("""{"metadata":{"resourceVersion":"1"},"items":[]}{}""")]
    public void A_list_needs_items_and_a_version(string text) => Assert.ThrowsAny<JsonException>(() => Read(Encoding.UTF8.GetBytes(text), [], []));

    [Fact]
    public void No_items_may_be_null() => Assert.Equal("1", Read("""{"items":null,"metadata":{"resourceVersion":"1"}}"""u8.ToArray(), [], []).ResourceVersion);

    [Fact]
    public void An_item_may_be_larger_than_the_buffer()
    {
        var item = $$"""{"text":"{{new string('x', 200_000)}}"}""";
        var read = new List<string>();
        Read(Encoding.UTF8.GetBytes($$"""{"metadata":{"resourceVersion":"1"},"items":[{{item}},{{item}}]}"""), [255], read);
        Assert.Equal([item, item], read);
    }

    private static Wire.ListMetaWire Read(byte[] bytes, byte[] cuts, List<string> items)
    {
        var reader = new ListReader(item => items.Add(Encoding.UTF8.GetString(item)));
        using var stream = new CutStream(bytes, cuts);
        return reader.ReadAsync(stream, CancellationToken.None).GetAwaiter().GetResult();
    }

    /// <summary>Gives as many bytes at a time as it was told, round and round; all at once when it was told nothing.</summary>
    private sealed class CutStream(byte[] bytes, byte[] cuts) : MemoryStream(bytes)
    {
        private int _turn;

        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) =>
            ValueTask.FromResult(Read(cuts.Length == 0 ? buffer.Span : buffer.Span[..Math.Min(buffer.Length, 1 + cuts[_turn++ % cuts.Length])]));
    }
}
