using Cilium.VirtualNetwork.Captures;
using FsCheck;
using FsCheck.Fluent;
using FsCheck.Xunit;

namespace Cilium.VirtualNetwork.Tests;

public sealed class CaptureTests
{
    private static readonly string BookCaptures = Path.GetFullPath(Path.Combine(FindRoot(), "..", "shared", "book", "pcaps"));

    [Property(MaxTest = 2000)]
    public void Random_bytes_are_read_or_refused(byte[] bytes, byte kind)
    {
        foreach (var start in new byte[][] { [], [0xD4, 0xC3, 0xB2, 0xA1], [0xA1, 0xB2, 0x3C, 0x4D], [0x0A, 0x0D, 0x0D, 0x0A, 28, 0, 0, 0, 0x4D, 0x3C, 0x2B, 0x1A, 1, 0] })
            Read([.. start, .. bytes]);
        var valid = Sample(kind % 4);
        foreach (var octet in bytes)
            valid[octet % valid.Length] = (byte)(octet * 7);
        Read(valid);
        Read(valid[..(bytes.Length % valid.Length)]);
    }

    [Property(MaxTest = 300)]
    public void What_is_written_is_read(NonNegativeInt[] times, byte[][] frames, bool isBigEndian)
    {
        var list = frames.Zip(times.Select(time => time.Get).Concat(Enumerable.Repeat(5, frames.Length)), (bytes, time) =>
            new CapturedFrame((time * 1_000_000_007L) + time, bytes, bytes.Length + (time % 3))).ToList();
        AssertEqual(list, Through(stream =>
        {
            var writer = new PcapWriter(stream, isBigEndian: isBigEndian);
            list.ForEach(frame => writer.Write(frame));
        }));
        var cut = list.ConvertAll(frame => frame with { Timestamp = frame.Timestamp / 1000 * 1000 });
        AssertEqual(cut, Through(stream =>
        {
            var writer = new PcapWriter(stream, isNanoseconds: false, isBigEndian: isBigEndian);
            list.ForEach(frame => writer.Write(frame));
        }));
        var spread = list.Select((frame, i) => frame with { Interface = i % 2, LinkType = (ushort)(i % 2 == 0 ? 1 : 101) }).ToList();
        AssertEqual(spread, Through(stream =>
        {
            var writer = new PcapNgWriter(stream);
            writer.AddInterface("eth0");
            writer.AddInterface("tun0", 101);
            spread.ForEach(frame => writer.Write(frame));
        }));
    }

    [Fact]
    public void Simple_packets_foreign_blocks_and_other_resolutions_are_understood()
    {
        // Big-endian; an interface with ticks of 2^-10 s and an offset of 5 s, a block nobody knows, an enhanced and a simple packet.
        byte[] file =
        [
            0x0A, 0x0D, 0x0D, 0x0A, 0, 0, 0, 28, 0x1A, 0x2B, 0x3C, 0x4D, 0, 1, 0, 0, 255, 255, 255, 255, 255, 255, 255, 255, 0, 0, 0, 28,
            0, 0, 0, 1, 0, 0, 0, 44, 0, 1, 0, 0, 0, 0, 0, 3, 0, 9, 0, 1, 0x8A, 0, 0, 0, 0, 14, 0, 8, 0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0, 44,
            0, 0, 0, 99, 0, 0, 0, 16, 1, 2, 3, 4, 0, 0, 0, 16,
            0, 0, 0, 6, 0, 0, 0, 36, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 0, 3, 0, 0, 0, 9, 7, 8, 9, 0, 0, 0, 0, 36,
            0, 0, 0, 3, 0, 0, 0, 20, 0, 0, 0, 9, 1, 2, 3, 4, 0, 0, 0, 20,
        ];
        var frames = CaptureReader.Open(new MemoryStream(file)).ReadAll().ToList();
        AssertEqual([new CapturedFrame(6_000_000_000, new byte[] { 7, 8, 9 }, 9), new CapturedFrame(0, new byte[] { 1, 2, 3 }, 9)], frames);
    }

    [Fact]
    public void A_broken_file_says_where()
    {
        var file = Sample(0);
        var broken = Assert.Throws<CaptureFormatException>(() => CaptureReader.Open(new MemoryStream(file[..^1])).ReadAll().Count());
        Assert.Equal(file.Length - 1, broken.Offset);
        Assert.Contains("ends within a frame", broken.Message, StringComparison.Ordinal);
        Assert.Throws<CaptureFormatException>(() => CaptureReader.Open(new MemoryStream([1, 2, 3, 4, 5])));
    }

    [Fact]
    public void Captures_of_the_book_are_read()
    {
        if (!Directory.Exists(BookCaptures))
            Assert.Skip($"{BookCaptures} is not there");
        foreach (var path in Directory.EnumerateFiles(BookCaptures, "*.pcap*"))
        {
            using var stream = File.OpenRead(path);
            var frames = CaptureReader.Open(stream).ReadAll().ToList();
            Assert.NotEmpty(frames);
            Assert.All(frames, frame => Assert.InRange(frame.Bytes.Length, 14, frame.OriginalLength));
        }
    }

    private static byte[] Sample(int kind)
    {
        using var stream = new MemoryStream();
        var frame = new CapturedFrame(1_700_000_000_123_456_789, new byte[] { 1, 2, 3, 4, 5 }, 60);
        if (kind == 3)
        {
            var writer = new PcapNgWriter(stream);
            writer.AddInterface("eth0");
            writer.Write(frame);
        }
        else
        {
            new PcapWriter(stream, isNanoseconds: kind == 0, isBigEndian: kind == 1).Write(frame);
        }
        return stream.ToArray();
    }

    private static void Read(byte[] bytes)
    {
        try
        {
            foreach (var frame in CaptureReader.Open(new MemoryStream(bytes)).ReadAll())
                Assert.True(frame.Bytes.Length <= bytes.Length);
        }
        catch (CaptureFormatException broken)
        {
            Assert.InRange(broken.Offset, 0, bytes.Length);
        }
    }

    private static List<CapturedFrame> Through(Action<Stream> write)
    {
        using var stream = new MemoryStream();
        write(stream);
        stream.Position = 0;
        return [.. CaptureReader.Open(stream).ReadAll()];
    }

    private static void AssertEqual(IEnumerable<CapturedFrame> expected, IEnumerable<CapturedFrame> actual) =>
        Assert.Equal(expected.Select(Text), actual.Select(Text));

    private static string Text(CapturedFrame frame) =>
        $"{frame.Timestamp} {Convert.ToHexString(frame.Bytes.Span)} {frame.OriginalLength} {frame.LinkType} {frame.Interface}";

    private static string FindRoot()
    {
        var folder = AppContext.BaseDirectory;
        while (!File.Exists(Path.Combine(folder, "Cilium.sln")))
            folder = Path.GetDirectoryName(folder) ?? throw new InvalidOperationException("Cilium.sln is in no folder above the test");
        return folder;
    }
}
