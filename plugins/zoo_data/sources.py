"""Where the files of the datasets come from, and the hashes by which they are known."""

from zoo.specs import DataFile

_MNIST = ("https://ossci-datasets.s3.amazonaws.com/mnist", "https://storage.googleapis.com/cvdf-datasets/mnist")
_FASHION = (
    "https://fashion-mnist.s3.eu-central-1.amazonaws.com",
    "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com",
)


def _idx(mirrors: tuple[str, ...], name: str, download: int, content: int, sha256: str) -> DataFile:
    """A file that is known by its decompressed content, since the containers in circulation differ."""
    return DataFile(
        name=name,
        sha256=sha256,
        size=download,
        content_size=content,
        gzip=True,
        urls=tuple(f"{mirror}/{name}" for mirror in mirrors),
        aliases=(name.removesuffix(".gz"),),
    )


IMAGES, TEST_IMAGES, LABELS, TEST_LABELS = (
    f"{part}.gz"
    for part in ("train-images-idx3-ubyte", "t10k-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-labels-idx1-ubyte")
)

# Hashes measured on a copy whose contents have the MD5s of the original files. Addresses and sizes: the mirrors of PyTorch
# and TensorFlow Datasets.
MNIST = (
    _idx(_MNIST, IMAGES, 9_912_422, 47_040_016, "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db"),
    _idx(_MNIST, LABELS, 28_881, 60_008, "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5"),
    _idx(_MNIST, TEST_IMAGES, 1_648_877, 7_840_016, "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7"),
    _idx(_MNIST, TEST_LABELS, 4_542, 10_008, "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2"),
)

# Hashes measured on a copy which becomes, byte for byte, the authors' gzip files once names and times stand in its headers
# again: those have the SHA-256 that TensorFlow Datasets gives (url_checksums/fashion_mnist.txt), as have the sizes here.
FASHION_MNIST = (
    _idx(_FASHION, IMAGES, 26_421_880, 47_040_016, "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888"),
    _idx(_FASHION, LABELS, 29_515, 60_008, "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9"),
    _idx(_FASHION, TEST_IMAGES, 4_422_102, 7_840_016, "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b"),
    _idx(_FASHION, TEST_LABELS, 5_148, 10_008, "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34"),
)


def _cifar10(name: str, sha256: str) -> DataFile:
    return DataFile(
        name=f"cifar-10-batches-bin/{name}",
        sha256=sha256,
        size=30_730_000,
        member_of="cifar-10-binary.tar.gz",
        aliases=(name,),
    )


# The archive: SHA-256 and size from TensorFlow Datasets, url_checksums/cifar10.txt, MD5 from the author's page. Its
# members: torchvision-ruby, datasets/cifar10.rb, which gives the same hash of the archive.
CIFAR10 = (
    DataFile(
        name="cifar-10-binary.tar.gz",
        sha256="c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
        size=170_052_171,
        md5="c32a1d4ab5d03f1284b67883e8d87530",
        urls=("https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",),
    ),
    _cifar10("data_batch_1.bin", "cee916563c9f80d84e3cc88e17fdc0941787f1244f00a67874d45b261883ada5"),
    _cifar10("data_batch_2.bin", "a591ca11fa1708a91ee40f54b3da4784ccd871ecf2137de63f51ada8b3fa57ed"),
    _cifar10("data_batch_3.bin", "bbe8596564c0f86427f876058170b84dac6670ddf06d79402899d93ceea26f67"),
    _cifar10("data_batch_4.bin", "014e562d6e23c72197cc727519169a60359f5eccd8945ad5a09d710285ff4e48"),
    _cifar10("data_batch_5.bin", "755304fc0b379caeae8c14f0dac912fbc7d6cd469eb67a1029a08a39453a9add"),
    _cifar10("test_batch.bin", "8e2eb146ae340b09e24670f29cabc6326dba54da8789dab6768acf480273f65b"),
)

OPTICAL_DIGITS = (
    DataFile(
        name="digits.csv",
        sha256="6ebb3d2fee246a4e99363262ddf8a00a3c41bee6014c373ed9d9216ba7f651b8",
        content_size=264_712,
        gzip=True,
        urls=("pkg:sklearn/datasets/data/digits.csv.gz",),
    ),
)

SMS_SPAM = (
    DataFile(
        name="SMSSpamCollection",
        sha256="7d039a24a6083ed9ef0f806ebad56bbb976e3aeb8de05669173bfdc4996c239d",
        content_size=477_907,
        gzip=True,
        urls=("pkg:zoo_data/SMSSpamCollection.gz",),
    ),
    DataFile(
        name="sms_spam_split.tsv",
        sha256="de324da6d6316a4f85f8e68c26a3a907411bacb9562456f6b5f827a1fe43c45a",
        urls=("pkg:zoo_data/sms_spam_split.tsv",),
    ),
)

# Content hashed as measured on the commit of karpathy/char-rnn that the address names.
SHAKESPEARE = (
    DataFile(
        name="input.txt",
        sha256="86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed",
        size=1_115_394,
        urls=(
            "https://raw.githubusercontent.com/karpathy/char-rnn/6f9487a6fe5b420b7ca9afb0d7c078e37c1d1b4e/data/tinyshakespeare/input.txt",
        ),
    ),
)

# Content hashed as measured on the commit of pytorch/examples that the address names; its training text is not used here.
_WIKITEXT = "https://raw.githubusercontent.com/pytorch/examples/77f55b912142e11fcfdf5b530231fb9c52f181e8/word_language_model/data/wikitext-2"
WIKITEXT2 = (
    DataFile(
        name="valid.txt",
        sha256="f0737ed31fc1329026e95cb8b98e19c2a182c39c240ab909dc31abf2f8af58e8",
        size=1_121_681,
        urls=(f"{_WIKITEXT}/valid.txt",),
    ),
    DataFile(
        name="test.txt",
        sha256="d790b833ef8cf03a90db7bf1271b7520b83c45ce07ba3c1a9699df81e239eca0",
        size=1_256_449,
        urls=(f"{_WIKITEXT}/test.txt",),
    ),
)
