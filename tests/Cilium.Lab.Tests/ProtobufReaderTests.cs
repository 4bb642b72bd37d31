using System.Text;
using Cilium.Lab.Json;
using Cilium.Lab.Serving.Protobuf;
using Cilium.Lab.Storage;
using FsCheck.Xunit;

namespace Cilium.Lab.Tests;

public sealed class ProtobufReaderTests
{
    [Fact]
    public void A_typed_object_reads_as_its_json()
    {
        var metadata = Message(1, Text(1, "web"), Message(11, Text(1, "app"), Text(2, "x")), Message(8));
        var port = Message(6, Text(1, "http"), Number(2, 0), Number(3, 8080), Text(4, "TCP"));
        var probe = Message(10, Message(1, Message(2, Text(1, "/healthz"), Message(2, Number(1, 1), Text(3, "http")))), Number(4, 5));
        var pod = Document("v1", "Pod", metadata, Message(2, Message(2, Text(1, "c"), Text(2, "nginx"), port, probe)));

        var json = ProtobufReader.Read(pod);

        Assert.Equal("web", json.Name());
        Assert.Equal("x", json.Text("metadata", "labels", "app"));
        Assert.Null(json.At("metadata", "creationTimestamp"));
        var container = json.Items("spec", "containers").Single();
        Assert.Equal(8080, container.Items("ports").Single().Number("containerPort"));
        Assert.Null(container.Items("ports").Single().At("hostPort"));
        Assert.Equal("http", container.Text("livenessProbe", "httpGet", "port"));
    }

    [Fact]
    public void An_unknown_kind_is_refused() =>
        Assert.Equal(415, Assert.Throws<ApiException>(() => ProtobufReader.Read(Document("v9", "Nothing"))).Code);

    [Property(MaxTest = 500)]
    public void Any_bytes_are_read_or_refused(byte[] bytes)
    {
        byte[] body = [.. "k8s\0"u8, .. bytes];
        Assert.True(Record.Exception(() => ProtobufReader.Read(body)) is null or ApiException);
    }

    [Property(MaxTest = 500)]
    public void Any_pod_is_read_or_refused(byte[] bytes)
    {
        byte[] body = Document("v1", "Pod", bytes);
        Assert.True(Record.Exception(() => ProtobufReader.Read(body)) is null or ApiException);
    }

    private static byte[] Document(string apiVersion, string kind, params byte[][] fields) =>
        [.. "k8s\0"u8, .. Message(1, Text(1, apiVersion), Text(2, kind)), .. Message(2, fields)];

    private static byte[] Message(int number, params byte[][] fields)
    {
        var body = fields.SelectMany(field => field).ToArray();
        return [(byte)((number << 3) | 2), .. Varint((ulong)body.Length), .. body];
    }

    private static byte[] Text(int number, string text) => [(byte)((number << 3) | 2), .. Varint((ulong)Encoding.UTF8.GetByteCount(text)), .. Encoding.UTF8.GetBytes(text)];

    private static byte[] Number(int number, ulong value) => [(byte)(number << 3), .. Varint(value)];

    private static List<byte> Varint(ulong value)
    {
        var bytes = new List<byte>();
        for (; value > 0x7f; value >>= 7) bytes.Add((byte)(value | 0x80));
        bytes.Add((byte)value);
        return bytes;
    }
}
